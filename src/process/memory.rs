//! Counts the bytes that this process has allocated, so that a script can be stopped where it grows without bound.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::arena;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns the bytes that are allocated now, without what the allocator needs beside them.
pub fn allocated() -> usize {
    ALLOCATED.load(Ordering::Relaxed)
}

/// Keeps small blocks of this thread together from now on, in a region of at most this many bytes.
///
/// After a fork each page that either process writes to is copied: the fewer the better.
pub fn gather_small_blocks(bytes: usize) {
    arena::enter(bytes);
}

/// The system's allocator and the [`arena`], which are watched.
struct Counting;

/// Counts what the one thread in the arena allocates, without the price of an atomic addition.
fn count(difference: isize) {
    ALLOCATED.store(ALLOCATED.load(Ordering::Relaxed).wrapping_add_signed(difference), Ordering::Relaxed);
}

// SAFETY: a block comes from the arena or from the system's allocator, and goes back to where it came from, which
// `arena::owns` tells; the count touches no memory that either manages.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if arena::takes(layout) {
            // SAFETY: the arena takes it, and no caller of `alloc` asks for 0 bytes.
            let block = unsafe { arena::take(layout.size()) };
            if !block.is_null() {
                count(layout.size() as isize);
                return block;
            }
        }
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if arena::takes(layout) {
            // SAFETY: as in `alloc`.
            let block = unsafe { self.alloc(layout) };
            if !block.is_null() {
                // SAFETY: a new block of this size.
                unsafe { block.write_bytes(0, layout.size()) };
            }
            return block;
        }
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if arena::owns(pointer) {
            count(-(layout.size() as isize));
            // SAFETY: it came from the arena, and the caller uses it no more.
            return unsafe { arena::give(pointer, layout.size()) };
        }
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `pointer` came from the system's allocator with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !arena::owns(pointer) {
            ALLOCATED.fetch_add(size, Ordering::Relaxed);
            ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
            // SAFETY: as in `dealloc`.
            return unsafe { System.realloc(pointer, layout, size) };
        }
        // SAFETY: the caller vouches for `size` with this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if arena::fits(layout, wanted) {
            count(size as isize - layout.size() as isize);
            return pointer;
        }
        // SAFETY: a new block, and what both have room for; the old one is given up by the caller.
        unsafe {
            let block = self.alloc(wanted);
            if !block.is_null() {
                block.copy_from_nonoverlapping(pointer, size.min(layout.size()));
                self.dealloc(pointer, layout);
            }
            block
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::process::contained::{self, Limits};
    use crate::process::testing::alone;

    #[test]
    fn what_is_allocated_is_counted_until_it_is_freed() {
        let before = allocated();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(allocated() >= before.saturating_add(32 << 20), "other tests allocate less");
        drop(block);
        assert!(allocated() < before.saturating_add(32 << 20));
    }
    /// Blocks of changing sizes, each full of its own number, as a child that entered the arena sees them.
    fn churn(mut seed: u64) -> bool {
        let mut next = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut blocks: Vec<Vec<u8>> = Vec::new();
        for step in 0..200_000_u32 {
            let (mark, at) = (step as u8, next(blocks.len() as u64 + 1) as usize);
            match blocks.get_mut(at) {
                None => blocks.push(vec![mark; next(700) as usize]),
                Some(block) if next(2) == 0 => {
                    let mark = block.first().copied().unwrap_or(mark);
                    block.resize(next(700) as usize, mark);
                    block.shrink_to_fit();
                }
                Some(_) => drop(blocks.swap_remove(at)),
            }
        }
        blocks.push(vec![0; 300]);
        blocks.iter().all(|block| block.iter().all(|byte| *byte == block[0]))
    }

    const LIMITS: Limits = Limits {
        address_space: 512 << 20,
        stack: 8 << 20,
        cpu: Duration::from_secs(20),
        wall: Duration::from_secs(60),
    };

    #[test]
    fn memory_that_was_used_for_blocks_of_one_size_is_not_missed_for_others() {
        let work = || {
            // Each size on its own needs little, all of them together more than there is.
            for size in (128..=512).step_by(64) {
                let blocks: Vec<Vec<u8>> = (0..(80 << 20) / size).map(|_| vec![1; size]).collect();
                assert!(blocks.iter().all(|block| block[size - 1] == 1));
            }
            vec![7]
        };
        alone(|| assert_eq!(contained::run(&LIMITS, work).unwrap(), [7]));
    }

    #[test]
    fn a_contained_child_has_its_own_blocks_and_counts_them() {
        alone(|| {
            let before = Box::new(7_u64);
            let answer = contained::run(&LIMITS, move || {
                let start = allocated();
                let is_sound = churn(1);
                let is_inside = arena::owns(Box::into_raw(Box::new(1_u8)));
                let elsewhere = std::thread::spawn(|| Box::into_raw(Box::new(1_u8)).addr());
                let is_outside = !arena::owns(std::ptr::without_provenance_mut(elsewhere.join().unwrap()));
                drop(before);
                vec![is_sound, is_inside, is_outside, allocated() < start + 4096]
                    .into_iter()
                    .map(u8::from)
                    .collect()
            });
            assert_eq!(answer.unwrap(), [1, 1, 1, 1]);
        });
    }
}
