//! What the conversion knows while it goes through the tree, and the text that it has written.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use tree_sitter::Node;

use super::Converted;
use super::functions::Signature;
use super::kinds::{Kind, kinds};
use super::names::{Occurrences, Scope};
use super::problem::Problem;
use super::tree::{Source, next};
use super::uses::Uses;
use crate::diagnostics::Diagnostic;

/// Goes through a tree and writes.
pub(super) struct Converter<'t> {
    /// The text that is converted.
    pub(super) source: &'t Source<'t>,
    /// Where each name stands.
    pub(super) occurrences: Occurrences<'t>,
    /// What happens to names elsewhere.
    pub(super) uses: Uses<'t>,
    /// The loop that is converted ends there.
    pub(super) loop_end: Option<usize>,
    /// What the values of variables are, where that is plain.
    pub(super) kinds: HashMap<&'t str, Kind>,
    /// The functions defined so far, or at the top level.
    pub(super) functions: HashMap<String, Signature<'t>>,
    /// The functions of the file that are written.
    pub(super) defined: HashSet<String>,
    /// Modules, and what was imported from them.
    pub(super) modules: HashSet<String>,
    /// The scopes that are open, that of the file first.
    pub(super) scopes: Vec<Scope>,
    /// The levels of indentation.
    pub(super) indent: usize,
    /// Files that are included.
    pub(super) includes: Vec<String>,
    /// How many expressions were converted.
    pub(super) work: usize,
    /// Whether what is converted is sorted afterwards.
    pub(super) sorts: bool,
    problems: Vec<Problem>,
    warned: HashSet<(usize, String)>,
    comments: Vec<Comment>,
    text: String,
}

/// A comment, and whether it is written already.
#[derive(Clone, Debug)]
struct Comment {
    at: Range<usize>,
    told: bool,
}

impl<'t> Converter<'t> {
    /// Looks through a tree before its conversion.
    pub(super) fn new(source: &'t Source<'t>, root: Node<'t>) -> Converter<'t> {
        Converter {
            source,
            occurrences: Occurrences::new(source, root),
            uses: Uses::new(source, root),
            loop_end: None,
            kinds: kinds(source, root),
            functions: HashMap::new(),
            defined: HashSet::new(),
            modules: HashSet::new(),
            scopes: vec![Scope::new(0..source.text.len(), [])],
            indent: 0,
            includes: Vec::new(),
            work: 0,
            sorts: false,
            problems: Vec::new(),
            warned: HashSet::new(),
            comments: comments(root),
            text: String::new(),
        }
    }

    /// Converts everything.
    pub(super) fn convert(mut self, root: Node<'t>) -> Converted {
        self.note_functions(root);
        self.statements(root);
        self.tell_comments(0..self.source.text.len());
        let source = self.source;
        self.problems.sort_by_key(|problem| (problem.at.start, problem.at.end));
        let problems = self.problems.iter().map(|problem| told(source, problem)).collect();
        Converted { text: self.text, problems, includes: self.includes }
    }

    /// Returns the blanks in front of a line.
    pub(super) fn pad(&self) -> String {
        "    ".repeat(self.indent)
    }

    /// Writes a line.
    pub(super) fn line(&mut self, line: &str) {
        if !line.is_empty() {
            self.text.push_str(&self.pad());
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    /// Writes an empty line, unless there is one or nothing stands before it in its block.
    pub(super) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") && !self.text.ends_with("{\n") {
            self.text.push('\n');
        }
    }

    /// Writes behind the last line.
    pub(super) fn behind(&mut self, words: &str) {
        let ended = self.text.pop();
        self.text.push_str("  ");
        self.text.push_str(words);
        self.text.extend(ended);
    }

    /// Does something inside of brackets or braces.
    pub(super) fn indented<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.indent += 1;
        let made = work(self);
        self.indent -= 1;
        made
    }

    /// Notes what is wrong.
    pub(super) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Notes what may be wrong.
    pub(super) fn warn(&mut self, node: Node<'_>, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem::warning(node, message, help);
        // What is written twice is told once.
        if self.warned.insert((problem.at.start, problem.message.clone())) {
            self.problems.push(problem);
        }
    }

    /// Returns the comments in a range that are not written yet, each with its place, and counts them as written.
    pub(super) fn take_comments(&mut self, within: Range<usize>) -> Vec<(usize, String)> {
        let start = self.comments.partition_point(|comment| comment.at.start < within.start);
        let mut taken = Vec::new();
        for comment in &mut self.comments[start..] {
            if comment.at.start >= within.end {
                break;
            }
            if !std::mem::replace(&mut comment.told, true) {
                taken.push((comment.at.start, line_comment(&self.source.text[comment.at.clone()])));
            }
        }
        taken
    }

    /// Writes the comments of a range that are not written yet, each on a line.
    pub(super) fn tell_comments(&mut self, within: Range<usize>) {
        for (_, comment) in self.take_comments(within) {
            self.line(&comment);
        }
    }
}

/// Turns `# words` into `// words`.
fn line_comment(comment: &str) -> String {
    let words = comment.trim_start_matches('#').trim_end();
    let apart = if words.starts_with('/') { " " } else { "" };
    format!("//{apart}{words}")
}

fn comments(root: Node<'_>) -> Vec<Comment> {
    let mut found = Vec::new();
    let mut cursor = root.walk();
    loop {
        if cursor.node().kind() == "comment" {
            found.push(Comment { at: cursor.node().byte_range(), told: false });
        }
        if !next(&mut cursor) {
            found.sort_by_key(|comment| comment.at.start);
            return found;
        }
    }
}

fn told(source: &Source<'_>, problem: &Problem) -> Diagnostic {
    let place = source.place(&problem.at);
    let made = match problem.only_warns {
        true => {
            Diagnostic::warning("convert", &problem.message).with_label(place, "may mean something else here")
        }
        false => Diagnostic::error("convert", &problem.message).with_label(place, "not converted"),
    };
    made.with_help(&problem.help)
}
