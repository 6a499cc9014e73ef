//! Functions and lambdas.
//!
//! Those of the file become functions; those inside of others become closures, which know the variables around them.

use tree_sitter::Node;

use super::converter::Converter;
use super::expressions::HELP;
use super::names::Scope;
use super::piece::{Level, Piece};
use super::problem::{Outcome, Problem};
use super::tree::{children, part};

/// What a call has to know of a function.
#[derive(Clone, Debug)]
pub(super) struct Signature<'t> {
    /// How it is called here.
    pub(super) name: String,
    /// What it takes.
    pub(super) parameters: Vec<Parameter<'t>>,
    /// The name of `**rest`.
    pub(super) rest: Option<String>,
    /// Whether there is a function for each number of arguments that may be left out.
    pub(super) overloaded: bool,
}

/// What a function takes.
#[derive(Clone, Debug)]
pub(super) struct Parameter<'t> {
    /// Its name in Python.
    pub(super) name: &'t str,
    /// How it is written here.
    pub(super) spelled: String,
    /// Its value if it is left out.
    pub(super) default: Option<Node<'t>>,
}

impl<'t> Converter<'t> {
    /// Notes the functions of the file, which may be called before they are defined.
    pub(super) fn note_functions(&mut self, root: Node<'t>) {
        for statement in children(root) {
            if statement.kind() == "function_definition"
                && let Ok(signature) = self.signature(statement)
            {
                self.functions.insert(self.source.of(part(statement, "name")).to_owned(), signature);
            }
        }
    }

    fn signature(&self, function: Node<'t>) -> Outcome<Signature<'t>> {
        let name = self.name(part(function, "name"))?;
        let (parameters, rest) = self.parameters(part(function, "parameters"))?;
        Ok(Signature { name, parameters, rest, overloaded: true })
    }

    fn parameters(&self, node: Node<'t>) -> Outcome<(Vec<Parameter<'t>>, Option<String>)> {
        let (mut found, mut rest) = (Vec::new(), None);
        for parameter in children(node) {
            let inner = children(parameter).first().copied().unwrap_or(parameter);
            let (name, default) = match parameter.kind() {
                "identifier" => (parameter, None),
                "default_parameter" | "typed_default_parameter" => {
                    (part(parameter, "name"), parameter.child_by_field_name("value"))
                }
                "typed_parameter" if inner.kind() == "identifier" => (inner, None),
                "dictionary_splat_pattern" => {
                    rest = Some(self.name(inner)?);
                    continue;
                }
                _ => {
                    let help = "take a list: `fn f(list) { ... }`, called as `f([a, b])`";
                    return Problem::fail(parameter, "there are no such parameters", help);
                }
            };
            found.push(Parameter { name: self.source.of(name), spelled: self.name(name)?, default });
        }
        Ok((found, rest))
    }

    /// Converts `def`.
    pub(super) fn function(&mut self, node: Node<'t>) -> Outcome<()> {
        let signature = self.signature(node)?;
        if let Some(statement) = self.statement_of(node, &["global_statement", "nonlocal_statement"]) {
            let help = "functions do not change variables around them: return the new value";
            return Problem::fail(statement, "there is no `global`", help);
        }
        if self.source.of(node).starts_with("async") {
            return Problem::fail(node, "there are no `async` functions", HELP);
        }
        if self.in_function() || self.indent > 0 {
            return self.closure(node, signature);
        }
        if !self.defined.insert(signature.name.clone()) {
            let message = format!("`{}` is defined twice", signature.name);
            return Problem::fail(part(node, "name"), message, "give the second a name of its own");
        }
        let mut names: Vec<String> = signature.parameters.iter().map(|one| one.spelled.clone()).collect();
        names.extend(signature.rest.clone());
        self.line(&format!("fn {}({}) {{", signature.name, names.join(", ")));
        self.body(node, &signature);
        self.line("}");
        self.shorter(&signature)
    }

    /// Writes a function for each number of arguments that may be left out.
    fn shorter(&mut self, signature: &Signature<'t>) -> Outcome<()> {
        let name = &signature.name;
        let required =
            signature.parameters.iter().take_while(|parameter| parameter.default.is_none()).count();
        let all = signature.parameters.len();
        let first = if signature.rest.is_some() { all } else { required };
        let last = if signature.rest.is_some() { all + 1 } else { all };
        for count in first..last {
            let mut given: Vec<String> =
                signature.parameters.iter().take(count).map(|one| one.spelled.clone()).collect();
            let head = format!("fn {name}({})", given.join(", "));
            for parameter in signature.parameters.iter().skip(count) {
                given.extend(parameter.default.map(|default| self.alone(default)).transpose()?);
            }
            given.extend(signature.rest.as_ref().map(|_| "#{}".to_owned()));
            self.line(&format!("{head} {{ {name}({}) }}", given.join(", ")));
        }
        Ok(())
    }

    fn body(&mut self, node: Node<'t>, signature: &Signature<'t>) {
        let names = signature.parameters.iter().map(|one| one.name.to_owned()).chain(signature.rest.clone());
        let body = part(node, "body");
        let scope = Scope::new(node.byte_range(), names);
        let scope = if signature.overloaded { scope.of_function() } else { scope };
        self.within_scope(scope, |this| {
            this.indented(|this| {
                this.tell_comments(node.start_byte()..body.start_byte());
                this.in_block(|this| this.statements(body));
            });
        });
    }

    /// Converts a function inside of another.
    fn closure(&mut self, node: Node<'t>, mut signature: Signature<'t>) -> Outcome<()> {
        let written = self.source.of(part(node, "name"));
        if self.occurrences.first(written, &part(node, "body").byte_range()).is_some() {
            let help = "move it to the top level, and give it what it needs as arguments";
            return Problem::fail(node, "a function inside of another cannot call itself", help);
        }
        if signature.rest.is_some() {
            let help = "move it to the top level, or take a map";
            return Problem::fail(node, "a function inside of another takes no `**`", help);
        }
        signature.overloaded = false;
        let names: Vec<String> = signature.parameters.iter().map(|one| one.spelled.clone()).collect();
        let declaration = if self.is_declared(written) { "" } else { "let " };
        self.declare(written);
        self.line(&format!("{declaration}{} = |{}| {{", signature.name, names.join(", ")));
        self.functions.insert(written.to_owned(), signature.clone());
        self.body(node, &signature);
        self.line("};");
        Ok(())
    }

    /// Converts `lambda`. `x = x` among its parameters, which keeps a value, is left out.
    pub(super) fn lambda(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let (parameters, rest) = match node.child_by_field_name("parameters") {
            Some(parameters) => self.parameters(parameters)?,
            None => (Vec::new(), None),
        };
        let odd = parameters.iter().find(|one| one.default.is_some());
        if let (Some(_), _) | (_, Some(_)) = (odd, &rest) {
            let help = "write a function: `fn f(a) { f(a, 1) }  fn f(a, b) { ... }`";
            return Problem::fail(node, "closures have no defaults and no `**`", help);
        }
        let names: Vec<String> = parameters.iter().map(|one| one.spelled.clone()).collect();
        let declared = parameters.iter().map(|one| one.name.to_owned()).collect();
        let body = part(node, "body");
        let body = self.in_scope(node.byte_range(), declared, |this| this.alone(body))?;
        Ok(Piece::of(Level::Loose, format!("|{}| {body}", names.join(", "))))
    }
}
