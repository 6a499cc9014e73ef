//! Which names are variables at a place of a script.
//!
//! Follows Rhai: blocks, closures and loops open scopes; a function sees its own and, in this language, the
//! top-level variables of all files. Knows nothing of tokens.

use std::collections::{HashMap, HashSet};

/// The variables in scope while a script is read from top to bottom.
#[derive(Debug, Default)]
pub(crate) struct Names {
    visible: HashMap<String, u32>,
    scopes: Vec<Vec<String>>,
    /// What was visible around the functions that are open; inside they see only globals.
    outside: Vec<Outside>,
    /// Every top-level variable of the program, wherever it is declared.
    globals: HashSet<String>,
    /// Names that are a value everywhere.
    constants: HashSet<String>,
}

#[derive(Debug)]
struct Outside {
    visible: HashMap<String, u32>,
    scopes: Vec<Vec<String>>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A variable, a parameter, or at the top level a variable that was declared before.
    Variable,
    /// A top-level variable that a function reads.
    Global,
    /// A type or a unit.
    Constant,
    /// No variable.
    Other,
}

impl Names {
    /// Starts with the top-level variables that a session has, and those that its files are going to declare.
    pub(crate) fn new(
        declared: &HashSet<String>,
        globals: HashSet<String>,
        constants: HashSet<String>,
    ) -> Names {
        let visible = declared.iter().map(|name| (name.clone(), 1)).collect();
        Names { visible, scopes: Vec::new(), outside: Vec::new(), globals, constants }
    }

    /// Makes a variable visible to the end of the scope.
    pub(crate) fn declare(&mut self, name: &str) {
        *self.visible.entry(name.to_owned()).or_default() += 1;
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(name.to_owned());
        }
    }

    /// Opens the scope of a block, a loop or a closure.
    pub(crate) fn open(&mut self) {
        self.scopes.push(Vec::new());
    }

    /// Closes the innermost scope.
    pub(crate) fn close(&mut self) {
        for name in self.scopes.pop().unwrap_or_default() {
            if let Some(count) = self.visible.get_mut(&name) {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// Opens a function, which does not see what is around it.
    pub(crate) fn open_function(&mut self) {
        self.outside.push(Outside {
            visible: std::mem::take(&mut self.visible),
            scopes: std::mem::take(&mut self.scopes),
        });
        self.open();
    }

    /// Closes the innermost function.
    pub(crate) fn close_function(&mut self) {
        if let Some(Outside { visible, scopes }) = self.outside.pop() {
            (self.visible, self.scopes) = (visible, scopes);
        }
    }

    /// Says what `name` stands for here.
    pub(crate) fn meaning(&self, name: &str) -> Meaning {
        if self.visible.get(name).is_some_and(|count| *count > 0) {
            Meaning::Variable
        } else if !self.outside.is_empty() && self.globals.contains(name) {
            Meaning::Global
        } else if self.constants.contains(name) {
            Meaning::Constant
        } else {
            Meaning::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_hide_and_functions_see_globals_only() {
        let mut names = Names::new(&HashSet::new(), HashSet::from(["later".to_owned()]), HashSet::new());
        names.declare("a");
        names.open();
        names.declare("a");
        names.declare("b");
        assert_eq!(names.meaning("b"), Meaning::Variable);
        names.close();
        assert_eq!((names.meaning("a"), names.meaning("b")), (Meaning::Variable, Meaning::Other));
        assert_eq!(names.meaning("later"), Meaning::Other);
        names.open_function();
        assert_eq!((names.meaning("a"), names.meaning("later")), (Meaning::Other, Meaning::Global));
        names.close_function();
        assert_eq!(names.meaning("a"), Meaning::Variable);
    }
}
