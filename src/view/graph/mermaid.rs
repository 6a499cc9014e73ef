//! The picture in the language of Mermaid, which many pages draw by themselves.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Block, Picture};
use crate::view::look::LIGHT;
use crate::view::one_line;

/// Writes a picture as a flowchart.
pub fn mermaid(picture: &Picture) -> String {
    let mut text = String::from("flowchart LR\n");
    let mut tones = BTreeSet::new();
    for (index, block) in picture.blocks.iter().enumerate() {
        for (place, node) in block.nodes.iter().enumerate() {
            let remark = node.remark();
            let remark = if remark.is_empty() { remark } else { format!("<br/>{}", escape(&remark)) };
            let class = node.tone().class();
            tones.insert(node.tone());
            // Writing to a string cannot fail.
            let _ = writeln!(text, "    {}[\"{}{remark}\"]:::{class}", id(index, place), escape(&node.name));
        }
        if block.is_finally() {
            let _ = writeln!(text, "    {}([\"finally\"])", id(index, 0));
        }
    }
    for link in &picture.links {
        let arrow = match (link.critical, link.implied) {
            (true, _) => "==>",
            (_, true) => "-.->",
            _ => "-->",
        };
        let (from, to) =
            (ends(&picture.blocks[link.from], link.from), ends(&picture.blocks[link.to], link.to));
        let _ = writeln!(text, "    {from} {arrow} {to}");
    }
    for tone in tones {
        let (stroke, fill) = LIGHT.tone(tone);
        let _ =
            writeln!(text, "    classDef {} fill:{fill},stroke:{stroke},color:{}", tone.class(), LIGHT.text);
    }
    text
}

fn id(block: usize, place: usize) -> String {
    format!("p{block}_{place}")
}

/// All processes of a block at once: `p1_0 & p1_1`.
fn ends(block: &Block, index: usize) -> String {
    let ids: Vec<String> = (0..block.nodes.len().max(1)).map(|place| id(index, place)).collect();
    ids.join(" & ")
}

/// Mermaid reads entities inside of quotes, and nothing else has a meaning there.
fn escape(text: &str) -> String {
    let entity = |c: char| match c {
        '"' | '#' | '<' | '>' | '&' | '`' | ';' => format!("#{};", u32::from(c)),
        c => c.to_string(),
    };
    one_line(text).chars().map(entity).collect()
}
