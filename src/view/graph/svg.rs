//! The picture as SVG: laid out by dagre from left to right, drawn by a template, in light and in dark.

use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, Point, RankDir, layout};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::{Block, Node, Picture};
use crate::view::look::Tone;
use crate::view::{Link, cut, duration, one_line, template};

/// Pixels around the drawing.
const MARGIN: f64 = 24.0;
/// Pixels of the title above it.
const TITLE: f64 = 40.0;
/// Pixels of a character of a name, on the average.
const CHARACTER: f64 = 7.3;
/// The longest name that is shown whole, in columns.
const LONGEST: usize = 32;
/// Pixels between a process's edge and its name, where its sign stands.
const SIGN: f64 = 30.0;
/// Pixels of a process that stands alone, without and with a remark.
const LOW: f64 = 34.0;
const HIGH: f64 = 46.0;
/// Pixels of a process among others in a block.
const CELL: f64 = 26.0;
/// Pixels around the processes of a block.
const PADDING: f64 = 8.0;
/// How much wider than high a block of many is.
const SHAPE: f64 = 1.6;

/// Pixels of the line of the title, which stands above all else.
const HEADING: f64 = 26.0;
/// Pixels from which on a picture does not fit a page.
const LARGE: f64 = 2000.0;

#[derive(Serialize)]
struct Drawing {
    width: f64,
    height: f64,
    /// Where the part that is shown begins: a page has the title already.
    top: f64,
    /// Whether it would be too small to read if it was made to fit a page.
    large: bool,
    title: String,
    summary: String,
    class: &'static str,
    edges: Vec<Edge>,
    frames: Vec<Frame>,
    nodes: Vec<Cell>,
    labels: Vec<Label>,
}

#[derive(Serialize)]
struct Edge {
    path: String,
    class: &'static str,
}

#[derive(Serialize)]
struct Frame {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

#[derive(Serialize)]
struct Cell {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    /// The process's name, which pages lead to.
    process: String,
    /// Where it leads; nowhere if empty.
    href: String,
    name: String,
    name_x: f64,
    name_y: f64,
    remark: String,
    remark_y: f64,
    sign: &'static str,
    sign_x: f64,
    sign_y: f64,
    class: String,
    state: String,
}

#[derive(Serialize)]
struct Label {
    x: f64,
    y: f64,
    text: &'static str,
}

/// What a block takes: its size, and the grid in it.
struct Size {
    width: f64,
    height: f64,
    columns: usize,
    cell: f64,
}

const TEMPLATE: template::Template =
    template::Template { svg: include_str!("graph.svg.hbs"), css: include_str!("graph.css.hbs") };

/// Draws a picture.
pub fn svg(picture: &Picture) -> String {
    template::render(&TEMPLATE, &draw(picture, None), false)
}

/// Draws a picture to stand in a page that has [`styles`]; each process leads to where `link` says.
pub fn inline(picture: &Picture, link: Link<'_>) -> String {
    template::render(&TEMPLATE, &draw(picture, Some(link)), true)
}

/// Returns the style sheet of pictures in pages.
pub fn styles() -> String {
    template::styles(&TEMPLATE)
}

fn draw(picture: &Picture, link: Option<Link<'_>>) -> Drawing {
    let sizes: Vec<Size> = picture.blocks.iter().map(size).collect();
    let mut graph = lay_out(picture, &sizes);
    let mut drawing = Drawing {
        width: 0.0,
        height: 0.0,
        top: 0.0,
        large: false,
        title: one_line(&picture.title),
        summary: summary(picture),
        class: picture.state.as_ref().map_or(Tone::Idle, Tone::of_task).class(),
        edges: edges(picture, &mut graph),
        frames: Vec::new(),
        nodes: Vec::new(),
        labels: Vec::new(),
    };
    for (index, (block, size)) in picture.blocks.iter().zip(&sizes).enumerate() {
        let at = graph.node(&index.to_string());
        let center = |value: Option<f64>| value.unwrap_or_default() + MARGIN;
        let x = center(at.and_then(|at| at.x)) - size.width / 2.0;
        let y = center(at.and_then(|at| at.y)) - size.height / 2.0 + TITLE;
        place(block, size, x, y, &mut drawing);
        drawing.width = drawing.width.max(x + size.width + MARGIN);
        drawing.height = drawing.height.max(y + size.height + MARGIN);
    }
    let title = (picture.title.width() as f64 * 9.5).max(drawing.summary.width() as f64 * 6.5);
    drawing.width = drawing.width.max(title + 2.0 * MARGIN);
    drawing.large = drawing.width > LARGE;
    if link.is_some() {
        drawing.top = HEADING;
        drawing.height -= HEADING;
    }
    // In the order in which they were placed.
    let placed = picture.blocks.iter().flat_map(|block| &block.nodes);
    for (cell, node) in drawing.nodes.iter_mut().zip(placed) {
        cell.href = link.map_or_else(String::new, |link| link(&node.name));
    }
    drawing
}

fn summary(picture: &Picture) -> String {
    let count: usize = picture.blocks.iter().map(|block| block.nodes.len()).sum();
    let state = picture.state.as_ref().map(|state| state.as_str().to_owned());
    let critical = picture.critical_seconds.map(|seconds| format!("critical path {}", duration(seconds)));
    let count = format!("{count} process{}", if count == 1 { "" } else { "es" });
    [state, Some(count), critical].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn size(block: &Block) -> Size {
    let widest = block.nodes.iter().map(|node| shown(&node.name).width()).max().unwrap_or_default() as f64;
    match block.nodes.as_slice() {
        [] => Size { width: 58.0, height: 22.0, columns: 1, cell: 58.0 },
        [node] => {
            let remark = node.remark();
            let width = SIGN + (widest * CHARACTER).max(remark.width() as f64 * 6.2) + 14.0;
            let height = if remark.is_empty() { LOW } else { HIGH };
            Size { width, height, columns: 1, cell: width }
        }
        nodes => {
            let cell = SIGN + widest * CHARACTER + 10.0;
            let count = nodes.len() as f64;
            let columns = ((count * SHAPE * CELL / cell).sqrt().round() as usize).clamp(1, nodes.len());
            let rows = nodes.len().div_ceil(columns) as f64;
            let width = columns as f64 * cell + 2.0 * PADDING;
            Size { width, height: rows * CELL + 2.0 * PADDING, columns, cell }
        }
    }
}

fn lay_out(picture: &Picture, sizes: &[Size]) -> Graph<NodeLabel, EdgeLabel> {
    let mut graph = Graph::with_options(GraphOptions { directed: true, multigraph: true, compound: true });
    for (index, size) in sizes.iter().enumerate() {
        let label = NodeLabel { width: size.width, height: size.height, ..NodeLabel::default() };
        graph.set_node(index.to_string(), Some(label));
    }
    for link in &picture.links {
        // What is on the critical path is drawn as straight as can be.
        let weight = if link.critical { 4 } else { 1 };
        let label = EdgeLabel { weight, ..EdgeLabel::default() };
        graph.set_edge(link.from.to_string(), link.to.to_string(), Some(label), None);
    }
    let options = LayoutOptions {
        rankdir: RankDir::LR,
        nodesep: 18.0,
        edgesep: 12.0,
        ranksep: 46.0,
        ..LayoutOptions::default()
    };
    layout(&mut graph, Some(options));
    graph
}

fn edges(picture: &Picture, graph: &mut Graph<NodeLabel, EdgeLabel>) -> Vec<Edge> {
    let mut links: Vec<_> = picture.links.iter().collect();
    // What matters lies on top.
    links.sort_by_key(|link| link.critical);
    let edge = |link: &&super::Link| {
        let (from, to) = (link.from.to_string(), link.to.to_string());
        let mut points = graph.edge(&from, &to, None)?.points.clone();
        // All edges leave at the middle of the right side and arrive at the middle of the left one.
        *points.first_mut()? = side(graph.node(&from)?, 0.5)?;
        *points.last_mut()? = side(graph.node(&to)?, -0.5)?;
        let class = match (link.critical, link.implied) {
            (true, _) => "critical",
            (_, true) => "implied",
            _ => "plain",
        };
        Some(Edge { path: path(&points), class })
    };
    links.iter().filter_map(edge).collect()
}

/// The middle of a side of a block: the right one at half its width, the left one at minus half.
fn side(node: &NodeLabel, part: f64) -> Option<Point> {
    Some(Point { x: node.x? + part * node.width, y: node.y? })
}

/// Goes through the points in curves that leave and arrive level.
fn path(points: &[Point]) -> String {
    let at = |point: &Point| (point.x + MARGIN, point.y + MARGIN + TITLE);
    let Some((first, rest)) = points.split_first() else { return String::new() };
    let mut before = at(first);
    let mut path = format!("M{:.1} {:.1}", before.0, before.1);
    for point in rest {
        let next = at(point);
        let middle = (before.0 + next.0) / 2.0;
        path +=
            &format!(" C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}", before.1, next.1, next.0, next.1);
        before = next;
    }
    path
}

fn place(block: &Block, size: &Size, x: f64, y: f64, drawing: &mut Drawing) {
    match block.nodes.as_slice() {
        [] => {
            let (x, y) = (x + size.width / 2.0, y + size.height / 2.0 + 4.0);
            drawing.labels.push(Label { x, y, text: "finally" });
        }
        [node] => drawing.nodes.push(cell(node, x, y, size.width, size.height, true)),
        nodes => {
            drawing.frames.push(Frame { x, y, width: size.width, height: size.height });
            for (index, node) in nodes.iter().enumerate() {
                let (column, row) = ((index % size.columns) as f64, (index / size.columns) as f64);
                let (left, top) = (x + PADDING + column * size.cell, y + PADDING + row * CELL);
                drawing.nodes.push(cell(node, left + 2.0, top + 2.0, size.cell - 4.0, CELL - 4.0, false));
            }
        }
    }
}

fn cell(node: &Node, x: f64, y: f64, width: f64, height: f64, with_remark: bool) -> Cell {
    let remark = if with_remark { node.remark() } else { String::new() };
    let middle = y + height / 2.0 + 4.5;
    let critical = if node.critical { " critical" } else { "" };
    Cell {
        x,
        y,
        width,
        height,
        process: one_line(&node.name),
        href: String::new(),
        name: shown(&node.name),
        name_x: x + SIGN - 4.0,
        name_y: if remark.is_empty() { middle } else { y + 19.0 },
        remark_y: y + 35.0,
        remark,
        sign: node.tone().sign(),
        sign_x: x + 13.0,
        sign_y: middle,
        class: format!("{}{critical}", node.tone().class()),
        state: node.state.as_ref().map_or("not started", |state| state.as_str()).to_lowercase(),
    }
}

/// Cuts a long name in its middle: the ends tell more.
fn shown(name: &str) -> String {
    cut(&one_line(name), LONGEST)
}
