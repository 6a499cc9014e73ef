//! Calls of functions of the program: keywords find their parameters, defaults what is left out.

use tree_sitter::Node;

use super::converter::Converter;
use super::functions::Signature;
use super::piece::Piece;
use super::problem::{Outcome, Problem};
use super::tree::part;

impl<'t> Converter<'t> {
    /// Writes a call with each argument in the place of its parameter.
    pub(super) fn call_of_function(
        &mut self,
        node: Node<'t>,
        signature: &Signature<'t>,
        arguments: Node<'t>,
        given: &[Node<'t>],
    ) -> Outcome<Piece> {
        let name = signature.name.clone();
        let keyword = |argument: &Node<'t>| argument.kind() == "keyword_argument";
        let complete =
            given.len() >= signature.parameters.len() || (signature.overloaded && signature.rest.is_none());
        if !given.iter().any(keyword) && complete {
            return self.with_arguments(&name, arguments, given);
        }
        let mut values = Vec::new();
        let (positional, keywords): (Vec<_>, Vec<_>) = given.iter().partition(|argument| !keyword(argument));
        if positional.len() > signature.parameters.len() && signature.rest.is_none() {
            return Problem::fail(node, format!("`{name}` has fewer parameters"), "leave some arguments out");
        }
        for argument in &positional {
            values.push(self.argument(*argument)?);
        }
        let named = |this: &Self, argument: &Node<'t>| this.source.of(part(*argument, "name"));
        let last = (signature.parameters.iter())
            .rposition(|parameter| keywords.iter().any(|argument| named(self, argument) == parameter.name));
        let needed = if signature.overloaded && signature.rest.is_none() {
            last.map_or(0, |last| last + 1)
        } else {
            signature.parameters.len()
        };
        for parameter in signature.parameters.iter().take(needed).skip(positional.len()) {
            let argument = keywords.iter().find(|argument| named(self, argument) == parameter.name);
            let value = argument.map(|argument| part(*argument, "value")).or(parameter.default);
            let Some(value) = value else {
                let message = format!("`{name}` is called without its `{}`", parameter.name);
                return Problem::fail(node, message, "give it a value");
            };
            values.push(self.alone(value)?);
        }
        for argument in keywords {
            let known = signature.parameters.iter().any(|parameter| parameter.name == named(self, &argument));
            match signature.rest {
                _ if known => {}
                Some(_) => values.push(self.argument(argument)?),
                None => {
                    let message = format!("`{name}` has no parameter `{}`", named(self, &argument));
                    return Problem::fail(argument, message, "leave it out, or check its spelling");
                }
            }
        }
        Ok(Piece::whole(format!("{name}({})", values.join(", "))))
    }
}
