//! The picture as text: one line a block, with rails to the left that lead to what waits for it.

use renderdag::{Ancestor, GraphRowRenderer, Renderer};

use super::{Block, Node, Picture};
use crate::view::look::{Style, Tone};
use crate::view::{duration, one_line};

/// So many processes of a block are named; of more, the first and the last.
const NAMED: usize = 6;

/// Draws a picture on lines that are as long as their text.
pub fn text(picture: &Picture, style: &Style) -> String {
    let mut rails = GraphRowRenderer::new().output().with_min_row_height(2).build_box_drawing();
    let mut drawn = head(picture, style);
    for (index, block) in picture.blocks.iter().enumerate() {
        let next: Vec<Ancestor<usize>> = picture
            .links
            .iter()
            .filter(|link| link.from == index)
            .map(|link| if link.implied { Ancestor::Ancestor(link.to) } else { Ancestor::Parent(link.to) })
            .collect();
        let row = rails.next_row(index, next, glyph(block), label(block, style));
        drawn.extend(row.lines().map(|line| format!("{}\n", color_glyph(line, block, style).trim_end())));
    }
    drawn.truncate(drawn.trim_end().len());
    drawn + "\n"
}

fn head(picture: &Picture, style: &Style) -> String {
    let count: usize = picture.blocks.iter().map(|block| block.nodes.len()).sum();
    let state = picture.state.as_ref().map(|state| style.paint(Tone::of_task(state), state.as_str()));
    let critical = picture.critical_seconds.map(|seconds| format!("critical path {}", duration(seconds)));
    let facts = [state, Some(format!("{count} process{}", if count == 1 { "" } else { "es" })), critical];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    format!("{}  {}\n\n", style.strong(&one_line(&picture.title)), facts.join(", "))
}

/// The sign of a block: of the worst of its processes that has one.
fn glyph(block: &Block) -> String {
    if block.is_finally() { "╌".to_owned() } else { tone(block).sign().to_owned() }
}

fn tone(block: &Block) -> Tone {
    let worst = [Tone::Bad, Tone::Gone, Tone::Ended, Tone::Busy, Tone::Idle, Tone::Good];
    let has = |tone: &&Tone| block.nodes.iter().any(|node| node.tone() == **tone);
    worst.iter().find(has).copied().unwrap_or(Tone::Idle)
}

/// The renderer counts columns, so colours come afterwards: the sign is the first of its kind in a line.
fn color_glyph(line: &str, block: &Block, style: &Style) -> String {
    if block.is_finally() {
        return line.to_owned();
    }
    line.replacen(tone(block).sign(), &style.paint(tone(block), tone(block).sign()), 1)
}

fn label(block: &Block, style: &Style) -> String {
    match block.nodes.as_slice() {
        [] => style.faint("finally"),
        [node] => {
            let remark = node.remark();
            let remark = if remark.is_empty() { remark } else { format!("  {}", style.faint(&remark)) };
            format!("{}{remark}", name(node, style))
        }
        nodes if nodes.len() <= NAMED => {
            let signed = |node: &Node| {
                format!("{} {}", style.paint(node.tone(), node.tone().sign()), name(node, style))
            };
            match nodes.iter().all(|node| node.tone() == nodes[0].tone()) {
                true => nodes.iter().map(|node| name(node, style)).collect::<Vec<_>>().join("  "),
                false => nodes.iter().map(signed).collect::<Vec<_>>().join("  "),
            }
        }
        [first, .., last] => {
            format!(
                "{} … {}  {}",
                one_line(&first.name),
                one_line(&last.name),
                style.faint(&counts(&block.nodes))
            )
        }
    }
}

/// What is on the critical path stands out.
fn name(node: &Node, style: &Style) -> String {
    let marked = if node.critical && !style.color {
        format!("*{}*", one_line(&node.name))
    } else {
        one_line(&node.name)
    };
    if node.critical { style.strong(&marked) } else { marked }
}

/// Says how many of many processes are how: `180: 178 done, 1 failed, 1 running`.
fn counts(nodes: &[Node]) -> String {
    let words = [
        (Tone::Good, "done"),
        (Tone::Bad, "failed"),
        (Tone::Ended, "killed"),
        (Tone::Gone, "lost"),
        (Tone::Busy, "running"),
    ];
    let count = |tone: Tone| nodes.iter().filter(|node| node.tone() == tone).count();
    let parts: Vec<String> = words
        .iter()
        .filter(|(tone, _)| count(*tone) > 0)
        .map(|(tone, word)| format!("{} {word}", count(*tone)))
        .collect();
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    format!("{} processes{parts}", nodes.len())
}
