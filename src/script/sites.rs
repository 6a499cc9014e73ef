//! Calls as they were written: the names of their keywords and the place of every argument.
//!
//! The rewriting pass fills this table and native functions read it, so that an object can carry for each field
//! the place of its value. A call is found by its position in the rewritten text.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diagnostics::Span;

/// Where a value is written. For a literal list or map also where its parts are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Origin {
    /// The whole expression.
    pub(crate) span: Span,
    /// What is known of its inside.
    pub(crate) parts: Parts,
}

/// The inside of an expression.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Parts {
    /// Nothing is known.
    #[default]
    Whole,
    /// The elements of a literal list.
    Items(Vec<Origin>),
    /// The values of a literal map.
    Fields(Vec<(String, Origin)>),
}

impl Origin {
    /// Makes the origin of a value of which no more is known.
    pub(crate) fn of(span: Span) -> Origin {
        Origin { span, parts: Parts::Whole }
    }

    /// Returns where the element at `index` is written; of a value that is no literal, where all of it is.
    pub(crate) fn item(&self, index: usize) -> &Origin {
        let Parts::Items(items) = &self.parts else { return self };
        items.get(index).unwrap_or(self)
    }

    /// Returns where the value of `key` is written; of a value that is no literal, where all of it is.
    pub(crate) fn field(&self, key: &str) -> &Origin {
        let Parts::Fields(fields) = &self.parts else { return self };
        let found = fields.iter().rev().find(|(name, _)| name == key);
        found.map_or(self, |(_, origin)| origin)
    }
}

/// A keyword of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Keyword {
    /// Its name.
    pub(crate) name: String,
    /// Where the name is written.
    pub(crate) name_span: Span,
    /// Where its value is written.
    pub(crate) value: Origin,
}

/// A call as it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Site {
    /// What is called, without its arguments.
    pub(crate) callee: Span,
    /// Its positional arguments.
    pub(crate) positional: Vec<Origin>,
    /// Its keywords, in order.
    pub(crate) keywords: Vec<Arc<Keyword>>,
}

/// All calls of a session.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    sites: Vec<Arc<Site>>,
    at: HashMap<(u32, u32), usize>,
}

impl Sites {
    /// Forgets where the calls are written; their keywords stay known by number.
    pub(crate) fn forget_places(&mut self) {
        self.at.clear();
        for site in &mut self.sites {
            let keyword = |keyword: &Arc<Keyword>| {
                Arc::new(Keyword { name: keyword.name.clone(), ..Keyword::default() })
            };
            let keywords = site.keywords.iter().map(keyword).collect();
            *site = Arc::new(Site { keywords, ..Site::default() });
        }
    }

    /// Reserves the number of a call whose arguments are yet to be seen.
    pub(crate) fn reserve(&mut self, position: (u32, u32)) -> usize {
        self.at.insert(position, self.sites.len());
        self.sites.push(Arc::default());
        self.sites.len() - 1
    }

    /// Fills the place of a reserved call.
    pub(crate) fn fill(&mut self, number: usize, site: Site) {
        if let Some(place) = self.sites.get_mut(number) {
            *place = Arc::new(site);
        }
    }

    /// Returns a call by its number.
    pub(crate) fn get(&self, number: usize) -> Option<Arc<Site>> {
        self.sites.get(number).cloned()
    }

    /// Returns the call whose name stands at this position of the rewritten text.
    pub(crate) fn at(&self, line: u32, column: u32) -> Option<Arc<Site>> {
        self.get(*self.at.get(&(line, column))?)
    }
}
