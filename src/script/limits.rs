//! What a script may use up before it is stopped (LANGUAGE section 7).

/// The bounds of an evaluation. The defaults for depths fit a stack of 8 MiB in a release build. Wall time and memory are bounded from outside, by the process it runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations of Rhai, over all statements.
    pub operations: u64,
    /// Calls within calls.
    pub call_depth: usize,
    /// Bytes of memory, looked at before each operation: one operation can double what there is.
    pub memory: usize,
    /// Bytes of a string that a single function of Rhai's makes.
    pub string_size: usize,
    /// Expressions within expressions.
    pub expression_depth: usize,
    /// Bytes of text that resolving references may look at.
    pub template_work: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            operations: 50_000_000,
            call_depth: 64,
            memory: 256 << 20,
            string_size: 16 << 20,
            expression_depth: 128,
            template_work: 400 << 20,
        }
    }
}
