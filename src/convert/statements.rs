//! Statements: blocks, conditions, loops, and what is left as a comment.

use tree_sitter::Node;

use super::converter::Converter;
use super::expressions::HELP;
use super::loops::Head;
use super::names::{assigned, bodies};
use super::problem::{Outcome, Problem};
use super::structs::as_comments;
use super::tree::{all_of, children, part};

/// Modules whose names a script has without asking for them.
const OWN_MODULES: [&str; 4] = ["pystachio", "apache.thermos.config", "twitter.thermos.config", "__future__"];

/// Says whether a statement that leaves something stands outside of what it could leave, as Python does not allow either.
fn is_stray(node: Node<'_>) -> bool {
    let leaves_function = node.kind() == "return_statement";
    let mut place = node;
    while let Some(parent) = place.parent() {
        match parent.kind() {
            "function_definition" => return !leaves_function,
            "class_definition" => return true,
            "for_statement" | "while_statement" if !leaves_function => return false,
            _ => place = parent,
        }
    }
    true
}

impl<'t> Converter<'t> {
    /// Converts the statements of a file or a block, with the comments between them.
    pub(super) fn statements(&mut self, block: Node<'t>) {
        let mut cursor = block.walk();
        let mut before: Option<Node<'t>> = None;
        for child in block.named_children(&mut cursor) {
            let row = child.start_position().row;
            let last = before.map(|node| self.source.row(node.end_byte().saturating_sub(1)));
            if last.is_some_and(|last| row > last + 1) {
                self.blank();
            }
            match child.kind() {
                "comment" => {
                    for (_, comment) in self.take_comments(child.byte_range()) {
                        if last == Some(row) { self.behind(&comment) } else { self.line(&comment) }
                    }
                }
                _ => self.statement(child),
            }
            before = Some(child);
        }
    }

    /// Converts a statement, or leaves it as a comment and notes why.
    fn statement(&mut self, node: Node<'t>) {
        self.hoist(node);
        if let Err(problem) = self.converted(node) {
            self.left_out(node, *problem);
        }
    }

    fn left_out(&mut self, node: Node<'t>, problem: Problem) {
        self.take_comments(node.byte_range());
        self.line(&format!("// not converted: {}", problem.message.replace('\n', " ")));
        for line in self.source.of(node).lines() {
            self.line(format!("// {line}").trim_end());
        }
        self.report(problem);
    }

    /// Declares what is first assigned to inside of a statement, but needed outside too.
    fn hoist(&mut self, node: Node<'t>) {
        let nests = matches!(node.kind(), "if_statement" | "for_statement" | "while_statement");
        let Some(scope) = self.scopes.last().map(|scope| scope.range.clone()).filter(|_| nests) else {
            return;
        };
        let (range, is_loop) = (node.byte_range(), node.kind() != "if_statement");
        for (name, first) in assigned(self.source, node) {
            let read_before = is_loop && self.occurrences.first(name, &range).is_some_and(|at| at < first);
            let outside = self.occurrences.outside(name, &range, &scope);
            let loops = is_loop && self.is_name_of_loop(node, name) && !self.leaves(node, name);
            if self.is_declared(name) || loops || !(read_before || outside) || !name.is_ascii() {
                continue;
            }
            self.line(&format!("let {};", self.spelled(name)));
            self.declare(name);
        }
    }

    /// Says whether a loop leaves a value in a name of its own that is read later.
    fn leaves(&self, node: Node<'t>, name: &str) -> bool {
        let names = node.child_by_field_name("left").map(super::names::identifiers).unwrap_or_default();
        names.into_iter().any(|one| self.source.of(one) == name && self.outlives(one, node.end_byte()))
    }

    /// The name of a loop belongs to it, whatever stands outside.
    fn is_name_of_loop(&self, node: Node<'t>, name: &str) -> bool {
        let names = node.child_by_field_name("left").map(super::names::identifiers).unwrap_or_default();
        names.into_iter().any(|one| self.source.of(one) == name)
    }

    fn converted(&mut self, node: Node<'t>) -> Outcome<()> {
        match node.kind() {
            "expression_statement" => self.simple(node, |this, node| this.expression_statement(node)),
            "if_statement" => self.condition_statement(node),
            "for_statement" => self.for_statement(node),
            "while_statement" => self.while_statement(node),
            "function_definition" => self.function(node),
            "class_definition" => self.class(node),
            "import_statement" | "import_from_statement" | "future_import_statement" => self.import(node),
            "pass_statement" => Ok(()),
            _ => self.simple(node, |this, node| this.simple_statement(node)),
        }
    }

    /// Writes the lines of a statement, below the comments inside of it that have no better place.
    fn simple(
        &mut self,
        node: Node<'t>,
        convert: impl FnOnce(&mut Self, Node<'t>) -> Outcome<Vec<String>>,
    ) -> Outcome<()> {
        let lines = convert(self, node)?;
        self.tell_comments(node.byte_range());
        for line in lines {
            self.line(&line);
        }
        Ok(())
    }

    fn expression_statement(&mut self, node: Node<'t>) -> Outcome<Vec<String>> {
        let inner = children(node);
        let [inner] = inner[..] else { return Problem::fail(node, "this does nothing", "leave it out") };
        match inner.kind() {
            "assignment" => self.assignment(inner),
            "augmented_assignment" => self.augmented(inner),
            "string" | "concatenated_string" => {
                Ok(self.plain_text(inner).map(|text| as_comments(&text)).unwrap_or_default())
            }
            "call" => match self.growth(inner)? {
                Some(line) => Ok(vec![line]),
                None => Ok(vec![format!("{};", self.alone(inner)?)]),
            },
            _ => Ok(vec![format!("{};", self.alone(inner)?)]),
        }
    }

    fn simple_statement(&mut self, node: Node<'t>) -> Outcome<Vec<String>> {
        let inner = children(node);
        let line = match (node.kind(), &inner[..]) {
            ("return_statement" | "break_statement" | "continue_statement", _) if is_stray(node) => {
                let word = self.source.of(node).split_whitespace().next().unwrap_or_default();
                let (place, help) = match word {
                    "return" => ("function", "leave it out, or put it into a function"),
                    _ => ("loop", "leave it out; a function is left with `return`"),
                };
                return Problem::fail(node, format!("`{word}` outside of a {place}"), help);
            }
            ("return_statement", [value]) => format!("return {};", self.alone(*value)?),
            ("return_statement", _) => "return;".to_owned(),
            ("break_statement", _) => "break;".to_owned(),
            ("continue_statement", _) => "continue;".to_owned(),
            ("print_statement", values) => format!("{};", self.printed(values)?.text),
            ("assert_statement", [test, rest @ ..]) => self.assertion(*test, rest)?,
            ("raise_statement", [error, ..]) => format!("throw {};", self.thrown(*error)?),
            ("global_statement" | "nonlocal_statement", _) => return Ok(Vec::new()),
            ("decorated_definition", _) => {
                return Problem::fail(
                    node,
                    "there are no decorators",
                    "call the function where it is used: `f(g(x))`",
                );
            }
            ("with_statement", _) => {
                return Problem::fail(
                    node,
                    "there is no `with`: scripts read no files",
                    "let a process read the file",
                );
            }
            ("try_statement", _) => {
                return Problem::fail(
                    node,
                    "`try` is not converted",
                    "a script that fails is told at once; leave it out",
                );
            }
            ("delete_statement", _) => {
                return Problem::fail(
                    node,
                    "there is no `del`",
                    "write `list.remove(index)` or `map.remove(key)`",
                );
            }
            (kind, _) => {
                return Problem::fail(
                    node,
                    format!("there is no counterpart of this ({})", kind.replace('_', " ")),
                    HELP,
                );
            }
        };
        Ok(vec![line])
    }

    fn assertion(&mut self, test: Node<'t>, message: &[Node<'t>]) -> Outcome<String> {
        let message = match message.first() {
            Some(message) => self.alone(*message)?,
            None => super::strings::quoted(&format!("{} is not true", self.source.of(test)), false),
        };
        let test = self.truth(test)?.within(super::piece::Level::Sign);
        Ok(format!("if !{test} {{ throw {message}; }}"))
    }

    fn thrown(&mut self, error: Node<'t>) -> Outcome<String> {
        let given = if error.kind() == "call" { children(part(error, "arguments")) } else { Vec::new() };
        match given.first() {
            Some(message) => self.alone(*message),
            None => Ok(super::strings::quoted(self.source.of(error), false)),
        }
    }

    fn import(&mut self, node: Node<'t>) -> Outcome<()> {
        let module = node.child_by_field_name("module_name").map_or("", |name| self.source.of(name));
        let is_within = |own: &str| module == own || module.starts_with(&format!("{own}."));
        if node.kind() == "future_import_statement" || OWN_MODULES.into_iter().any(is_within) {
            return Ok(());
        }
        for name in all_of(node, "name") {
            let name = name.child_by_field_name("alias").unwrap_or(name);
            let first = self.source.of(name).split('.').next().unwrap_or_default();
            self.modules.insert(first.to_owned());
        }
        let help =
            "scripts have no modules: write what it gives by hand, or `include(\"path\")` a converted file";
        Problem::fail(node, "modules of Python are not imported", help)
    }

    fn condition_statement(&mut self, node: Node<'t>) -> Outcome<()> {
        let condition = self.condition(part(node, "condition"))?;
        let branches = all_of(node, "alternative");
        let mut heads = Vec::new();
        for branch in &branches {
            heads.push(match branch.child_by_field_name("condition") {
                Some(condition) => format!("}} else if {} {{", self.condition(condition)?),
                None => "} else {".to_owned(),
            });
        }
        self.line(&format!("if {condition} {{"));
        self.block(node.start_byte(), part(node, "consequence"), &[]);
        for (branch, head) in branches.into_iter().zip(heads) {
            self.line(&head);
            let body = bodies(branch).first().copied().unwrap_or(branch);
            self.block(branch.start_byte(), body, &[]);
        }
        self.line("}");
        Ok(())
    }

    /// Writes a block with the comments of its head and some first lines.
    fn block(&mut self, start: usize, body: Node<'t>, first: &[String]) {
        self.in_block(|this| {
            this.indented(|this| {
                this.tell_comments(start..body.start_byte());
                first.iter().for_each(|line| this.line(line));
                this.statements(body);
            });
        });
    }

    fn for_statement(&mut self, node: Node<'t>) -> Outcome<()> {
        self.refuse_else(node)?;
        self.in_block(|this| {
            this.loop_end = Some(node.end_byte());
            let head = this.head(part(node, "left"), part(node, "right"));
            this.loop_end = None;
            let Head { text, before, first } = head?;
            before.iter().for_each(|line| this.line(line));
            this.line(&format!("{text} {{"));
            this.block(node.start_byte(), part(node, "body"), &first);
            this.line("}");
            Ok(())
        })
    }

    fn while_statement(&mut self, node: Node<'t>) -> Outcome<()> {
        self.refuse_else(node)?;
        let condition = self.condition(part(node, "condition"))?;
        let head = if condition == "true" { "loop".to_owned() } else { format!("while {condition}") };
        self.line(&format!("{head} {{"));
        self.block(node.start_byte(), part(node, "body"), &[]);
        self.line("}");
        Ok(())
    }

    fn refuse_else(&self, node: Node<'t>) -> Outcome<()> {
        match node.child_by_field_name("alternative") {
            Some(branch) => {
                Problem::fail(branch, "a loop has no `else`", "note in a variable whether it ended early")
            }
            None => Ok(()),
        }
    }
}
