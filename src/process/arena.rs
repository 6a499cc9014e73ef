//! Small blocks of memory, close together: cut from one region that grows, kept in lists by size.
//!
//! Owns how blocks are found and used again. It takes no lock, looks for no neighbours and gives nothing back to the
//! system: for the evaluating child that is a fifth of its time. A runner and its coordinators write to fewer of the pages
//! that they share. A block that is free waits for one of its own size,
//! so the region is bounded: beyond that the system, which joins neighbours, gives all that no list has.
//!
//! One thread uses the region, the one that entered it. What another thread frees of it is not used again.

use std::alloc::Layout;
use std::cell::{Cell, UnsafeCell};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::libc;

/// Where the region begins: far from programs, heaps, libraries and stacks, and within 39 bits.
const BASE: usize = 0x40_0000_0000;

/// The largest block, in bytes. Larger ones are few, and the system moves them without copying.
const LARGEST: usize = 512;

/// Sizes are multiples of this, and blocks are aligned to it.
const STEP: usize = 16;

/// Bytes by which the region grows, at least and at most.
const GROWTH: (usize, usize) = (256 << 10, 8 << 20);

/// A block that is free: it holds the next one of its size.
struct Free {
    next: *mut Free,
}

struct Region {
    /// Free blocks by size: those of `STEP` bytes first.
    free: [*mut Free; LARGEST / STEP],
    /// The first byte that was never part of a block.
    unused: usize,
    /// Where the region may end.
    last: usize,
}

struct OneThread(UnsafeCell<Region>);

// SAFETY: only the thread whose `ENTERED` is set looks inside.
unsafe impl Sync for OneThread {}

static REGION: OneThread =
    OneThread(UnsafeCell::new(Region { free: [ptr::null_mut(); LARGEST / STEP], unused: BASE, last: BASE }));

/// Behind the last byte of the region; it is empty before it is entered.
static END: AtomicUsize = AtomicUsize::new(BASE);

thread_local! {
    static ENTERED: Cell<bool> = const { Cell::new(false) };
}

/// Has this thread take its small blocks from the region from now on, which may grow to this many bytes.
///
/// Only the first thread of a process that asks is let in; where the region cannot be, nothing changes.
pub(super) fn enter(bytes: usize) {
    // A region that has grown has its thread already.
    if grow(BASE) {
        ENTERED.set(true);
        // SAFETY: this is the thread that has just entered.
        unsafe { (*REGION.0.get()).last = BASE.saturating_add(bytes) };
    }
}

/// Says whether this thread takes blocks like this one from the region.
pub(super) fn takes(layout: Layout) -> bool {
    layout.size() <= LARGEST && layout.align() <= STEP && ENTERED.get()
}

/// Says whether a block is part of the region.
pub(super) fn owns(block: *mut u8) -> bool {
    (BASE..END.load(Ordering::Relaxed)).contains(&block.addr())
}

/// Says whether a block of the region can become another of this layout where it is.
pub(super) fn fits(old: Layout, new: Layout) -> bool {
    takes(new) && class(old.size()) == class(new.size())
}

/// Takes a block; null if the region cannot grow.
///
/// # Safety
/// [`takes`] said so of a layout of this size, which is not 0.
pub(super) unsafe fn take(size: usize) -> *mut u8 {
    // SAFETY: this is the thread that entered, and nothing below comes back here.
    let region = unsafe { &mut *REGION.0.get() };
    let class = class(size);
    let first = region.free[class];
    if !first.is_null() {
        // SAFETY: `give` has put the block into the list, and nobody has it.
        region.free[class] = unsafe { (*first).next };
        return first.cast();
    }
    let (block, size) = (region.unused, (class + 1) * STEP);
    let end = END.load(Ordering::Relaxed);
    if block + size > end && (end >= region.last || !grow(end)) {
        return ptr::null_mut();
    }
    region.unused = block + size;
    ptr::with_exposed_provenance_mut(block)
}

/// Gives a block back.
///
/// # Safety
/// [`owns`] said so of the block; it has this size and nobody uses it any more.
pub(super) unsafe fn give(block: *mut u8, size: usize) {
    if !ENTERED.get() {
        return;
    }
    // SAFETY: as in `take`.
    let region = unsafe { &mut *REGION.0.get() };
    let block: *mut Free = block.cast();
    let list = &mut region.free[class(size)];
    // SAFETY: the block is unused, aligned to `STEP` and at least as large.
    unsafe { block.write(Free { next: *list }) };
    *list = block;
}

fn class(size: usize) -> usize {
    size.div_ceil(STEP) - 1
}

/// Maps more memory behind `end`, which must still be the end; says whether it is there.
fn grow(end: usize) -> bool {
    let size = ((end - BASE) / 8).clamp(GROWTH.0, GROWTH.1).next_multiple_of(GROWTH.0);
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // Pages that are needed next come at once: to ask for each when it is first touched takes longer.
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE | libc::MAP_POPULATE;
    // SAFETY: new memory, and only where there was none.
    let mapped = unsafe { libc::mmap(ptr::without_provenance_mut(end), size, protection, kind, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return false;
    }
    if mapped.expose_provenance() != end {
        // SAFETY: mapped just now by a kernel that does not know MAP_FIXED_NOREPLACE; nobody else has it.
        unsafe { libc::munmap(mapped, size) };
        return false;
    }
    END.store(end + size, Ordering::Relaxed);
    true
}
