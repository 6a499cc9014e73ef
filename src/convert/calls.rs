//! Calls: of types and objects, of the program's functions, of Python's own.

use tree_sitter::Node;

use super::converter::Converter;
use super::expressions::HELP;
use super::piece::{Level, Piece};
use super::problem::{Outcome, Problem};
use super::tree::{children, part};

impl<'t> Converter<'t> {
    /// Converts a call.
    pub(super) fn call(&mut self, node: Node<'t>) -> Outcome<Piece> {
        let (function, arguments) = (part(node, "function"), part(node, "arguments"));
        let given = match arguments.kind() {
            "generator_expression" => vec![arguments],
            _ => children(arguments),
        };
        match function.kind() {
            "attribute" => self.method(node, function, arguments, &given),
            "identifier" => self.called_by_name(node, function, arguments, &given),
            _ => {
                let function = self.within(function, Level::Whole)?;
                self.with_arguments(&function, arguments, &given)
            }
        }
    }

    fn called_by_name(
        &mut self,
        node: Node<'t>,
        function: Node<'t>,
        arguments: Node<'t>,
        given: &[Node<'t>],
    ) -> Outcome<Piece> {
        let name = self.source.of(function);
        if let Some(signature) = self.functions.get(name).cloned() {
            return self.call_of_function(node, &signature, arguments, given);
        }
        if self.is_variable(name) || self.modules.contains(name) {
            let function = self.within(function, Level::Whole)?;
            return self.with_arguments(&function, arguments, given);
        }
        if name == "include" {
            return self.include(node, given);
        }
        if let Some(piece) = self.with_list(name, given)? {
            return Ok(piece);
        }
        match self.python_function(node, name, given)? {
            Some(piece) => Ok(piece),
            None => {
                let function = self.within(function, Level::Whole)?;
                self.with_arguments(&function, arguments, given)
            }
        }
    }

    /// Converts `order(*list)` and the like, of functions that take any number of values; nothing of others.
    pub(super) fn with_list(&mut self, function: &str, given: &[Node<'t>]) -> Outcome<Option<Piece>> {
        let [list] = given else { return Ok(None) };
        let Some(list) = children(*list).first().copied().filter(|_| list.kind() == "list_splat") else {
            return Ok(None);
        };
        let takes_list = ["combine_tasks", "concat_tasks", "Tasks", "Units"];
        let module = function.split('.').next().unwrap_or_default();
        Ok(match function {
            "order" | "Processes.order" => {
                let (list, one) = (self.iterable(list)?.within(Level::Whole), self.fresh("one"));
                let names = format!("{list}.map(|{one}| order({one})[0].order[0])");
                Some(Piece::whole(format!("[Constraint(order = {names})]")))
            }
            _ if takes_list.contains(&module) => {
                let list = self.iterable(list)?.text;
                Some(Piece::whole(format!("{}({list})", function.replace('.', "::"))))
            }
            _ => None,
        })
    }

    fn include(&mut self, node: Node<'t>, given: &[Node<'t>]) -> Outcome<Piece> {
        let [path] = given else {
            return Problem::fail(node, "an include has one path", "write `include(\"path\")`");
        };
        let Some(path) = self.plain_text(*path) else {
            let help = "write the path itself, in quotes; include every file that may be needed";
            return Problem::fail(node, "a path that is computed cannot be included", help);
        };
        let nested = self.in_function() || self.indent > 0;
        if nested {
            let help = "move it to the top level; what is included is only defined, not run";
            return Problem::fail(node, "files are included at the top level only", help);
        }
        if !self.includes.contains(&path) {
            self.includes.push(path.clone());
        }
        Ok(Piece::whole(format!("include({})", super::strings::quoted(&path, false))))
    }

    /// Writes a call of `function`.
    pub(super) fn with_arguments(
        &mut self,
        function: &str,
        arguments: Node<'t>,
        given: &[Node<'t>],
    ) -> Outcome<Piece> {
        let ordered = ordered(given)?;
        if given.iter().any(|argument| self.is_awkward(*argument)) {
            return self.with_map(function, &ordered);
        }
        let open = format!("{function}(");
        self.bracketed(arguments, &ordered, (&open, ")"), false, |this, argument| this.argument(argument))
            .map(Piece::whole)
    }

    /// Says whether an argument has a keyword that is a word of the new language.
    fn is_awkward(&self, argument: Node<'_>) -> bool {
        argument.kind() == "keyword_argument" && {
            let name = self.source.of(part(argument, "name"));
            super::names::is_keyword(name) || !name.is_ascii() || name.starts_with('_')
        }
    }

    /// Writes a call whose keywords stand in a map, where they can be in quotes.
    fn with_map(&mut self, function: &str, ordered: &[Node<'t>]) -> Outcome<Piece> {
        let (mut values, mut entries) = (Vec::new(), Vec::new());
        for argument in ordered {
            match argument.kind() {
                "keyword_argument" => {
                    let key = super::expressions::map_key(self.source.of(part(*argument, "name")));
                    entries.push(format!("{key}: {}", self.alone(part(*argument, "value"))?));
                }
                _ => values.push(self.argument(*argument)?),
            }
        }
        values.push(format!("#{{{}}}", entries.join(", ")));
        Ok(Piece::whole(format!("{function}({})", values.join(", "))))
    }

    /// Converts an argument: a value, `k = v`, `**map`.
    pub(super) fn argument(&mut self, argument: Node<'t>) -> Outcome<String> {
        match argument.kind() {
            "keyword_argument" => {
                let name = self.source.of(part(argument, "name"));
                Ok(format!("{name} = {}", self.alone(part(argument, "value"))?))
            }
            "dictionary_splat" => match children(argument).first() {
                Some(map) => self.alone(*map),
                None => Problem::fail(argument, "a map is missing", HELP),
            },
            _ => self.alone(argument),
        }
    }
}

/// Puts maps that are unpacked before keywords.
fn ordered<'t>(given: &[Node<'t>]) -> Outcome<Vec<Node<'t>>> {
    if let Some(list) = given.iter().find(|argument| argument.kind() == "list_splat") {
        return Problem::fail(
            *list,
            "arguments are not unpacked with `*`",
            "write them one by one, or give the list",
        );
    }
    let mut ordered = given.to_vec();
    ordered.sort_by_key(|argument| match argument.kind() {
        "keyword_argument" => 2,
        "dictionary_splat" => 1,
        _ => 0,
    });
    Ok(ordered)
}
