//! Places in the code at which a test has the process die, to prove that nothing is lost there.
//!
//! `failpoint!("place")` is one line of the code that it stands in. It is nothing at all, not even a string, unless the
//! cargo feature `failpoints` is on, which no release has. With it, a process that `armed::arm` was told to kill
//! sends itself SIGKILL at the n-th passing of a place; `tests/crash/` walks through all of them.

#[cfg(feature = "failpoints")]
pub(crate) mod armed;

/// Names a place at which this process may be told to die.
///
/// - `failpoint!("fork.before")`: dies there.
/// - `failpoint!("write.torn", write_half())`: does one last thing and dies; does nothing if it is not to die.
/// - `failpoint!(as "coordinator.{process}.{run}")`: from here on, this process is another one.
macro_rules! failpoint {
    (as $($role:tt)+) => {{
        #[cfg(feature = "failpoints")]
        $crate::process::failpoint::armed::become_role(format!($($role)+));
    }};
    ($place:literal) => {
        $crate::process::failpoint::failpoint!($place, ())
    };
    ($place:literal, $last_act:expr) => {{
        #[cfg(feature = "failpoints")]
        $crate::process::failpoint::armed::pass($place, || {
            let _ = $last_act;
        });
    }};
}

pub(crate) use failpoint;
