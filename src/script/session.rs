//! A session: reads a file or a shell's lines, evaluates them statement by statement, hands over what was exported.

use std::collections::HashSet;

use indexmap::IndexMap;
use rhai::{
    AST, ASTNode, Dynamic, Engine, EvalAltResult, Expr, Module, ParseErrorType, Scope, Shared as RhaiShared,
    Stmt,
};

use super::calls::raw_name;
use super::engine::{Setup, native_names, set_up};
use super::failure::diagnostic;
use super::include::{EmptyFiles, Loader};
use super::limits::Limits;
use super::methods::OBJECT_METHODS;
use super::origins::Uses;
use super::program::Texts;
use super::state::{Export, Given, Parameter, Shared, State};
use super::stdlib;
use crate::diagnostics::{Diagnostic, Label, Sources, Span};
use crate::schema::schema;
use crate::types::Object;

/// What a script leaves behind.
#[derive(Clone, Debug)]
pub struct Exports {
    /// The exported tasks, in order, not checked.
    pub tasks: Vec<Export>,
    /// The parameters that the script asked for, by name.
    pub parameters: IndexMap<String, Parameter>,
    /// What it printed.
    pub printed: Vec<String>,
    /// What the spans of all this point into.
    pub sources: Sources,
}

/// What a script leaves behind that came to its end in spite of typed mistakes.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// What it exported, without the parts at fault.
    pub exports: Exports,
    /// The typed mistakes.
    pub problems: Vec<Diagnostic>,
    /// Where objects were made from which a field was left out for that, and the field.
    pub flawed: Vec<(Span, String)>,
    /// Where values that are written elsewhere were given, if the session traces values.
    pub uses: Uses,
}

/// Evaluates scripts.
pub struct Session {
    pub(super) setup: Setup,
    pub(super) shared: Shared,
    loader: Box<dyn Loader>,
    pub(super) scope: Scope<'static>,
    pub(super) functions: AST,
    reads: HashSet<String>,
}

impl Session {
    /// Starts a session. `given` are values for parameters; their spans point into `sources`.
    pub fn new(
        limits: &Limits,
        loader: Box<dyn Loader>,
        given: IndexMap<String, Given>,
        sources: Sources,
    ) -> Session {
        Session::start(limits, loader, given, sources, true)
    }

    /// Starts a session for one main file, `text`; without the standard library if that cannot use it.
    pub fn of_file(
        limits: &Limits,
        loader: Box<dyn Loader>,
        given: IndexMap<String, Given>,
        sources: Sources,
        text: &str,
    ) -> Session {
        Session::start(limits, loader, given, sources, stdlib::may_be_used(text))
    }

    fn start(
        limits: &Limits,
        loader: Box<dyn Loader>,
        given: IndexMap<String, Given>,
        sources: Sources,
        with_library: bool,
    ) -> Session {
        let texts = Texts { sources, ..Texts::default() };
        let shared = Shared::new(State { texts, given, ..State::default() }, limits);
        let mut setup = set_up(limits, &shared);
        shared.lock().texts.constants = setup.constants.iter().cloned().collect();
        set_names(&shared, &setup.engine);
        if with_library {
            let library = stdlib::register(&mut setup.engine, &shared);
            set_names(&shared, &setup.engine);
            shared
                .lock()
                .problems
                .extend(library.err().map(|error| Diagnostic::error("stdlib", error.to_string())));
        }
        let functions = AST::empty();
        Session { setup, shared, loader, scope: Scope::new(), functions, reads: HashSet::new() }
    }

    /// Includes files by another loader from now on.
    pub fn load_by(&mut self, loader: Box<dyn Loader>) {
        self.loader = loader;
    }

    /// Makes objects know where the values come from that they are given through variables and functions.
    ///
    /// Evaluation takes several times as long: this is for a script that is known to be wrong.
    pub fn tracing(self) -> Session {
        self.shared.trace_values();
        self
    }

    /// Evaluates a main file; `name` is its path as users know it, which includes are relative to.
    ///
    /// # Errors
    /// Everything that is wrong: a mistake in the text, or all typed mistakes and at most one that ended the script.
    pub fn run(&mut self, name: &str, text: &str) -> Result<Exports, Vec<Diagnostic>> {
        let Evaluated { exports, problems, .. } = self.run_through(name, text)?;
        if problems.is_empty() { Ok(exports) } else { Err(problems) }
    }

    /// Evaluates a main file as [`Session::run`] does, but goes on with what is left beside typed mistakes.
    ///
    /// # Errors
    /// A mistake that ended the script, and the typed mistakes before it.
    pub fn run_through(&mut self, name: &str, text: &str) -> Result<Evaluated, Vec<Diagnostic>> {
        self.shared.lock().gather = true;
        let outcome = self.evaluate(name, text);
        let mut state = self.shared.lock();
        let mut problems = std::mem::take(&mut state.problems);
        if let Err(diagnostic) = outcome {
            problems.push(*diagnostic);
            return Err(problems);
        }
        let exports = Exports {
            tasks: std::mem::take(&mut state.exports),
            parameters: std::mem::take(&mut state.parameters),
            printed: std::mem::take(&mut state.printed),
            sources: state.texts.sources.clone(),
        };
        let uses = state.uses();
        Ok(Evaluated { exports, problems, flawed: std::mem::take(&mut state.flawed), uses })
    }

    /// Evaluates a main file until `object` is made, and returns the calls that lead there, the innermost first.
    ///
    /// Evaluation is a pure function: what was made once is made again. Of a new session with the limits given here.
    pub fn callers(&mut self, name: &str, text: &str, object: &Object) -> Vec<Label> {
        {
            let mut state = self.shared.lock();
            state.gather = true;
            state.trap = Some((object.at(), raw_name(object)));
        }
        match self.evaluate(name, text) {
            Err(trapped) if trapped.code == "thermos::trap" => trapped.labels.into_iter().skip(1).collect(),
            _ => Vec::new(),
        }
    }

    /// Says what is wrong with the syntax of a text, if something is. What it includes is not looked at.
    pub fn syntax_problem(name: &str, text: &str) -> Option<Diagnostic> {
        let loader = Box::new(EmptyFiles);
        let mut session = Session::new(&Limits::default(), loader, IndexMap::new(), Sources::default());
        session.compile(name, text).err().map(|diagnostic| *diagnostic)
    }

    /// Returns the sources read so far, for the places of what is found later.
    pub fn sources(&self) -> Sources {
        self.shared.lock().texts.sources.clone()
    }

    pub(super) fn evaluate(&mut self, name: &str, text: &str) -> Result<Dynamic, Box<Diagnostic>> {
        let ast = self.compile(name, text)?;
        self.functions = self.functions.merge(&ast.clone_functions_only());
        let library = self.functions.shared_lib().clone();
        let mut value = Dynamic::UNIT;
        for statement in ast.statements() {
            value = self.statement(statement, &library)?;
        }
        Ok(value)
    }

    /// Reads a text with what it includes, and compiles it.
    fn compile(&mut self, name: &str, text: &str) -> Result<AST, Box<Diagnostic>> {
        let program = {
            let mut state = self.shared.lock();
            let read = state.texts.read(self.loader.as_ref(), name, text);
            read.map_err(|wrong| Box::new(wrong.diagnostic))?
        };
        for name in program.reads {
            if let Some(value) = self.scope.get(&name) {
                self.setup.globals.set(&name, value.clone());
            }
            self.reads.insert(name);
        }
        let compiled = self.setup.engine.compile(&program.text);
        compiled.map_err(|error| self.stop((*error.0).clone(), error.1))
    }

    /// Evaluates one statement, and shows functions the variables that it may have changed.
    fn statement(
        &mut self,
        statement: &Stmt,
        library: &RhaiShared<Module>,
    ) -> Result<Dynamic, Box<Diagnostic>> {
        let ast = AST::new([statement.clone()], library.clone());
        let outcome = self.setup.engine.eval_ast_with_scope::<Dynamic>(&mut self.scope, &ast);
        if !self.reads.is_empty() {
            self.refresh(&ast);
        }
        // Some functions of Rhai's swallow the errors of their callbacks.
        let exhausted = || EvalAltResult::ErrorTooManyOperations(statement.position()).into();
        let outcome =
            if self.shared.is_exhausted() { outcome.and_then(|_| Err(exhausted())) } else { outcome };
        outcome.map_err(|error| {
            let names: Vec<String> = self
                .scope
                .iter_raw()
                .map(|(name, ..)| name.to_owned())
                .chain(self.setup.constants.clone())
                .collect();
            let state = self.shared.lock();
            Box::new(diagnostic(*error, &state.texts, &names))
        })
    }

    fn refresh(&self, ast: &AST) {
        let mentioned = mentioned(ast, &self.reads);
        for name in &self.reads {
            let Some(value) = self.scope.get(name) else { continue };
            if value.is_shared() || mentioned.contains(name) {
                self.setup.globals.set(name, value.clone());
            }
        }
    }

    fn stop(&self, kind: ParseErrorType, position: rhai::Position) -> Box<Diagnostic> {
        let error = EvalAltResult::ErrorParsing(kind, position);
        Box::new(diagnostic(error, &self.shared.lock().texts, &[]))
    }
}

/// Lets the rewriting pass know which names are functions and which are fields.
fn set_names(shared: &Shared, engine: &Engine) {
    let mut state = shared.lock();
    state.texts.functions = native_names(engine);
    // Known even where the library is left out: a name may be a misspelt one of these.
    state.texts.functions.extend(stdlib::LIBRARY.map(str::to_owned));
    state.texts.fields = OBJECT_METHODS.iter().map(|name| (*name).to_owned()).collect();
    state.texts.fields.extend(schema().field_names());
}

/// Returns those of `names` that a statement mentions or declares.
fn mentioned(ast: &AST, names: &HashSet<String>) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut note = |name: &str| {
        if names.contains(name) {
            found.insert(name.to_owned());
        }
    };
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Expr(Expr::Variable(variable, ..))) => note(&variable.1),
            Some(ASTNode::Stmt(Stmt::Var(variable, ..))) => note(&variable.0.name),
            _ => {}
        }
        true
    });
    found
}
