//! A main file and all it includes, read, put together and rewritten into one text.
//!
//! Owns which file is spliced where, that each counts once, and that includes make no cycle.

use std::collections::{HashMap, HashSet};

use super::changes::Changers;
use super::include::Loader;
use super::origins::Origins;
use super::outline::Outline;
use super::positions::{Output, Positions};
use super::rewrite::{Names, Rewriter};
use super::sites::Sites;
use super::syntax::{Mistake, SyntaxError};
use crate::diagnostics::{Diagnostic, Sources, Span};

/// How deep includes may nest.
const MAX_INCLUDES: usize = 100;

/// What a session knows of the texts that it has read.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// The texts.
    pub(crate) sources: Sources,
    /// The way back from the rewritten texts.
    pub(crate) positions: Positions,
    /// The calls in them.
    pub(crate) sites: Sites,
    /// How many lines the rewritten texts have.
    pub(crate) lines: u32,
    /// Functions of Rhai and of this program.
    pub(crate) functions: HashSet<String>,
    /// Functions of this program alone.
    pub(crate) functions_of_files: HashSet<String>,
    /// What functions of this program do to what they are called on.
    pub(crate) changers: Changers,
    /// Whether an assignment to what is no variable declares it, as in a shell.
    pub(crate) declares: bool,
    /// Whether the standard library is being read.
    pub(crate) in_library: bool,
    /// Names of fields.
    pub(crate) fields: HashSet<String>,
    /// Top-level variables that are declared.
    pub(crate) globals: HashSet<String>,
    /// Constants: variables of every scope, unless a function has their name.
    pub(crate) constants: HashSet<String>,
    /// Files that were included.
    pub(crate) included: HashSet<String>,
    /// Where values come from, if that is noted.
    pub(crate) origins: Option<Origins>,
}

/// A program that Rhai can compile.
#[derive(Debug)]
pub(crate) struct Program {
    /// The rewritten text.
    pub(crate) text: String,
    /// The top-level variables that its functions read.
    pub(crate) reads: HashSet<String>,
}

/// Why there is no program.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// What is wrong.
    pub(crate) diagnostic: Diagnostic,
    /// Whether more text could mend it.
    pub(crate) incomplete: bool,
}

impl Texts {
    /// Reads a text and what it includes.
    ///
    /// # Errors
    /// [`Unreadable`], with the first mistake.
    pub(crate) fn read(
        &mut self,
        loader: &dyn Loader,
        name: &str,
        text: &str,
    ) -> Result<Program, Box<Unreadable>> {
        let mut reader = Reader {
            loader,
            texts: self,
            files: Vec::new(),
            splices: Vec::new(),
            loaded: HashMap::new(),
            open: Vec::new(),
        };
        let identity = loader.identity(name);
        reader.file(name, &identity, text.to_owned())?;
        let Reader { files, splices, loaded, .. } = reader;
        let program = self.rewrite(&files, &splices).map_err(|error| self.unreadable(&error))?;
        self.included.extend(loaded.into_keys());
        Ok(program)
    }

    /// Returns the place of a position in the rewritten texts, as long as the token that stands there.
    pub(crate) fn place(&self, line: u32, column: u32) -> Span {
        let start = self.positions.resolve(line, column);
        let text = self.sources.get(start.source()).map_or("", |source| source.text.as_str());
        let line = text.split('\n').nth((start.line as usize).saturating_sub(1)).unwrap_or("");
        Span::new(start.source(), start.line, start.column, token_length(line, start.column))
    }

    /// Starts anew after the standard library: its calls stay known, their places and names do not.
    pub(crate) fn forget_places(&mut self) {
        self.sites.forget_places();
        let sites = std::mem::take(&mut self.sites);
        let (sources, constants) = (std::mem::take(&mut self.sources), std::mem::take(&mut self.constants));
        *self = Texts { sources, constants, sites, declares: self.declares, ..Texts::default() };
    }

    fn rewrite(&mut self, files: &[Outline], splices: &[Vec<Option<usize>>]) -> Result<Program, SyntaxError> {
        let mut globals = self.globals.clone();
        for file in files {
            self.functions.extend(file.functions.iter().cloned());
            self.functions_of_files.extend(file.functions.iter().cloned());
            self.changers.extend(&file.changers);
            self.fields.extend(file.keywords.iter().cloned());
            globals.extend(file.globals.iter().cloned());
        }
        let main = files.len().saturating_sub(1);
        if let Some(file) = files.get(main).filter(|_| self.declares) {
            globals.extend(file.assigned.difference(&self.constants).cloned());
        }
        let mark = self.positions.mark();
        let changers = self.changers.all();
        let constants = self.constants.difference(&self.functions).cloned().collect();
        let mut rewriter = Rewriter {
            files,
            splices,
            output: Output::after(std::mem::take(&mut self.positions), self.lines),
            sites: &mut self.sites,
            names: Names::new(&self.globals, globals.clone(), constants),
            functions: &self.functions,
            functions_of_files: &self.functions_of_files,
            changers: &changers,
            in_library: self.in_library,
            fields: &self.fields,
            reads: HashSet::new(),
            declares: self.declares.then_some(main),
            origins: self.origins.as_mut(),
        };
        let outcome = rewriter.file(main);
        let Rewriter { output, reads, .. } = rewriter;
        let (text, positions, lines) = output.finish();
        self.positions = positions;
        let too_long = |(overflow, at)| SyntaxError::new(Mistake::TooLong(overflow), at);
        let text =
            outcome.and_then(|()| text.map_err(too_long)).inspect_err(|_| self.positions.truncate(mark))?;
        self.lines = lines;
        self.globals = globals;
        Ok(Program { text, reads })
    }

    fn unreadable(&self, error: &SyntaxError) -> Box<Unreadable> {
        let diagnostic = error.diagnostic(&self.sources);
        Box::new(Unreadable { diagnostic, incomplete: error.is_incomplete() })
    }
}

/// Returns how many characters the word or number at a column has; 1 for anything else.
fn token_length(line: &str, column: u32) -> u32 {
    let rest = line.chars().skip((column as usize).saturating_sub(1));
    let word = rest.take_while(|c| c.is_ascii_alphanumeric() || *c == '_').count();
    word.max(1) as u32
}

struct Reader<'a> {
    loader: &'a dyn Loader,
    texts: &'a mut Texts,
    /// Finished files, each behind those that it includes.
    files: Vec<Outline>,
    splices: Vec<Vec<Option<usize>>>,
    loaded: HashMap<String, usize>,
    /// The files whose includes are being read: identity, name, and where the include stands.
    open: Vec<(String, String, Span)>,
}

impl Reader<'_> {
    fn file(&mut self, name: &str, identity: &str, text: String) -> Result<usize, Box<Unreadable>> {
        let source = self.texts.sources.add(name, text.clone());
        let outline = Outline::read(source, text)
            .map_err(|error| self.texts.unreadable(&SyntaxError::from_lexer(error, source)))?;
        let mut splices = Vec::new();
        for include in &outline.includes {
            self.open.push((identity.to_owned(), name.to_owned(), include.span));
            splices.push(self.include(name, &include.path)?);
            self.open.pop();
        }
        self.files.push(outline);
        self.splices.push(splices);
        self.loaded.insert(identity.to_owned(), self.files.len() - 1);
        Ok(self.files.len() - 1)
    }

    /// Reads what an include names, unless it is there already.
    fn include(&mut self, from: &str, path: &str) -> Result<Option<usize>, Box<Unreadable>> {
        let loaded = self.loader.load(from, path).map_err(|error| {
            self.refuse(Diagnostic::error("include", error.to_string()).with_optional_help(error.help()))
        })?;
        if let Some(start) = self.open.iter().position(|(identity, ..)| *identity == loaded.identity) {
            return Err(self.cycle(start));
        }
        if self.loaded.contains_key(&loaded.identity) || self.texts.included.contains(&loaded.identity) {
            return Ok(None);
        }
        if self.open.len() > MAX_INCLUDES {
            let message = format!("includes nest more than {MAX_INCLUDES} deep");
            let help = "include what is needed where it is used, rather than in a chain";
            return Err(self.refuse(Diagnostic::error("include", message).with_help(help)));
        }
        self.file(&loaded.name, &loaded.identity, loaded.text).map(Some)
    }

    fn cycle(&self, start: usize) -> Box<Unreadable> {
        let chain = self.open.get(start..).unwrap_or_default();
        let mut names: Vec<&str> = chain.iter().map(|(_, name, _)| name.as_str()).collect();
        names.extend(names.first().copied());
        let message = format!("the files include each other: {}", names.join(" -> "));
        let mut diagnostic = Diagnostic::error("include_cycle", message)
            .with_help("move what both need into a third file, and include it from both");
        for (_, _, span) in chain.iter().rev() {
            diagnostic = diagnostic.with_label(self.texts.sources.place(*span), "included here");
        }
        Box::new(Unreadable { diagnostic, incomplete: false })
    }

    /// Adds where the innermost include stands, and the includes that lead there.
    fn refuse(&self, mut diagnostic: Diagnostic) -> Box<Unreadable> {
        for (_, _, span) in self.open.iter().rev() {
            let text = if diagnostic.labels.is_empty() { "this file" } else { "included from here" };
            diagnostic = diagnostic.with_label(self.texts.sources.place(*span), text);
        }
        Box::new(Unreadable { diagnostic, incomplete: false })
    }
}
