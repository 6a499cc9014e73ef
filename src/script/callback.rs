//! A function value that is called for each element of a list.
//!
//! Rhai's own `map` tries a callback without arguments first, and words an error each time that there is none such.

use std::cell::Cell;

use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext};

use super::raise::Outcome;

/// A function that is called for each element.
pub(crate) struct Callback<'a> {
    function: &'a FnPtr,
    takes: Cell<Option<Takes>>,
}

/// What the function takes; the first element tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Element,
    ElementAndIndex,
    This,
}

impl<'a> Callback<'a> {
    /// Takes a function.
    pub(crate) fn new(function: &'a FnPtr) -> Callback<'a> {
        Callback { function, takes: Cell::default() }
    }

    /// Calls the function.
    ///
    /// # Errors
    /// Whatever it raises; that it takes neither an element nor an element and its number.
    pub(crate) fn call(
        &self,
        context: &NativeCallContext,
        element: &Dynamic,
        index: usize,
    ) -> Outcome<Dynamic> {
        if let Some(takes) = self.takes.get() {
            return self.call_as(takes, context, element, index);
        }
        let first = self.call_as(Takes::Element, context, element, index);
        if !self.is_missing(&first) {
            self.takes.set(Some(Takes::Element));
            return first;
        }
        for takes in [Takes::ElementAndIndex, Takes::This] {
            let outcome = self.call_as(takes, context, element, index);
            if !self.is_missing(&outcome) {
                self.takes.set(Some(takes));
                return outcome;
            }
        }
        first
    }

    fn call_as(
        &self,
        takes: Takes,
        context: &NativeCallContext,
        element: &Dynamic,
        index: usize,
    ) -> Outcome<Dynamic> {
        let mut element = element.clone();
        match takes {
            Takes::Element => self.function.call_raw(context, None, [element]),
            Takes::ElementAndIndex => {
                self.function.call_raw(context, None, [element, Dynamic::from(index as i64)])
            }
            Takes::This => self.function.call_raw(context, Some(&mut element), []),
        }
    }

    /// Says whether there is no such function with these parameters.
    fn is_missing(&self, outcome: &Outcome<Dynamic>) -> bool {
        let Err(error) = outcome else { return false };
        match error.as_ref() {
            EvalAltResult::ErrorFunctionNotFound(signature, _) => {
                signature.starts_with(self.function.fn_name())
            }
            _ => false,
        }
    }
}
