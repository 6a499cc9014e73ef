//! The picture in the language of Graphviz: each process by itself, as `dot` lays it out.

use std::fmt::Write;

use super::{Block, Picture};
use crate::view::look::LIGHT;
use crate::view::one_line;

/// Writes a picture for `dot`.
pub fn dot(picture: &Picture) -> String {
    let mut text = format!("digraph {} {{\n", quote(&one_line(&picture.title)));
    text += "    rankdir = LR\n    node [shape = box, style = \"rounded,filled\", fontname = \"sans-serif\", fontsize = 11]\n";
    for (index, block) in picture.blocks.iter().enumerate() {
        for node in &block.nodes {
            let remark = node.remark();
            let label = if remark.is_empty() {
                one_line(&node.name)
            } else {
                format!("{}\n{remark}", one_line(&node.name))
            };
            let width = if node.critical { ", penwidth = 2" } else { "" };
            let (_, fill) = LIGHT.tone(node.tone());
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "    {} [label = {}, fillcolor = \"{fill}\"{width}]",
                quote(&one_line(&node.name)),
                quote(&label)
            );
        }
        if block.is_finally() {
            let _ = writeln!(
                text,
                "    {} [label = \"finally\", shape = plaintext, style = \"\"]",
                finally(index)
            );
        }
    }
    for link in &picture.links {
        let style = match (link.critical, link.implied) {
            (true, _) => " [penwidth = 2]",
            (_, true) => " [style = dashed]",
            _ => "",
        };
        for from in ends(&picture.blocks[link.from], link.from) {
            for to in ends(&picture.blocks[link.to], link.to) {
                let _ = writeln!(text, "    {from} -> {to}{style}");
            }
        }
    }
    text + "}\n"
}

fn ends(block: &Block, index: usize) -> Vec<String> {
    match block.is_finally() {
        true => vec![finally(index)],
        false => block.nodes.iter().map(|node| quote(&one_line(&node.name))).collect(),
    }
}

/// No process is called so: names hold no control characters.
fn finally(index: usize) -> String {
    format!("\"finally\\n{index}\"")
}

/// Quotes an id of the language: only quotes and backslashes have a meaning inside.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
