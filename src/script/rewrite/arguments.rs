//! Arguments of calls and elements of literals: their keywords and keys.

use super::frames::{Call, Shape};
use super::marks::ENDS;
use super::pass::Pass;
use super::words::is_keyword;
use crate::script::syntax::{Mistake, SyntaxError};

impl Pass<'_, '_> {
    /// Where an argument or element begins: takes its keyword or key, if it has one.
    pub(super) fn begin_item(&mut self, at: usize) -> Result<(), SyntaxError> {
        let Some(frame) = self.frames.last().filter(|frame| frame.awaits_item()) else { return Ok(()) };
        if matches!(self.text(at), ")" | "]" | "}" | ",") {
            return Ok(());
        }
        let named = frame.awaits_key();
        match &frame.shape {
            Shape::Call(_) if named && self.file.is_word(at) && self.text(at + 1) == "=" => {
                return self.keyword(at);
            }
            Shape::Call(Call { in_keywords: true, .. }) if named => {
                return Err(SyntaxError::new(Mistake::PositionalAfterKeyword, self.place(at)));
            }
            Shape::Map if named && self.text(at + 1) == ":" => {
                self.key(at);
                return Ok(());
            }
            _ => {}
        }
        let marks = self.open_call_mark(at) + usize::from(self.open_item_mark(at, &ENDS));
        if let Some(frame) = self.frames.last_mut() {
            frame.begin_item(at, marks);
        }
        Ok(())
    }

    pub(super) fn keyword(&mut self, at: usize) -> Result<(), SyntaxError> {
        let place = self.place(at);
        let name = self.text(at).to_owned();
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        if let Some(first) = frame.earlier(&name) {
            let mistake = Mistake::RepeatedKeyword(name);
            return Err(SyntaxError { mistake, at: place, also: Some(first) });
        }
        frame.set_key(name, place);
        if let Shape::Call(call) = &mut frame.shape
            && !call.in_keywords
        {
            call.in_keywords = true;
            let listed = if call.listed { "], " } else { "" };
            let start = match call.numbered {
                true => format!("{listed}{}, [", call.number),
                false => format!("{listed}__keywords({}, [", call.number),
            };
            self.program.output.insert(&start, place);
        }
        self.next = at + 2;
        self.finish_token(at + 1);
        Ok(())
    }

    pub(super) fn key(&mut self, at: usize) {
        let place = self.place(at);
        let text = self.text(at);
        let name = text.trim_matches(['"', '\'']).to_owned();
        if let Some(frame) = self.frames.last_mut() {
            frame.set_key(name, place);
        }
        if is_keyword(text) {
            self.program.output.insert(&format!("\"{text}\""), place);
            self.finish_token(at);
        } else {
            self.copy(at);
        }
        if let Some(colon) = self.file.tokens.get(at + 1) {
            self.gap(colon);
            self.copy(at + 1);
        }
        self.next = at + 2;
    }
}
