//! `twinlake lineage`

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use clap::Args;
use serde::Serialize;

use super::human::count;
use super::{Console, Format};
use crate::app::App;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RelationName;
use crate::lake::{Manifest, When};
use crate::run::Graph;

/// Show what a relation is made from, and what is made from it.
#[derive(Args)]
#[command(after_help = "Edges are those of the declarations; versions and rows are those published now.

Examples:
  twinlake lineage mart.reorder
  twinlake lineage erp.orders --down            what a change to it would reach
  twinlake lineage mart.reorder --up --depth 1  what it reads
  twinlake lineage mart.reorder --format mermaid | pbcopy
  twinlake lineage mart.reorder --format dot | dot -Tsvg > lineage.svg")]
pub(super) struct Lineage {
    /// The relation, such as mart.reorder.
    relation: String,

    /// Only what it is made from.
    #[arg(long, conflicts_with = "down")]
    up: bool,

    /// Only what is made from it.
    #[arg(long)]
    down: bool,

    /// At most so many steps away.
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Drawn {
    relation: RelationName,
    nodes: Vec<Place>,
    edges: Vec<Edge>,
}

#[derive(Serialize)]
struct Place {
    relation: RelationName,
    kind: &'static str,
    /// The published Delta version; null where it is not stored.
    version: Option<u64>,
    rows: Option<u64>,
    /// The run that made that version.
    made_by: Option<String>,
}

/// `from` is read to make `to`.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: RelationName,
    to: RelationName,
}

impl Lineage {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let format = console.format(&[Format::Tree, Format::Json, Format::Mermaid, Format::Dot])?;
        let app = console.app()?;
        let relation = self.find(&app.graph)?;
        let manifest = app.manifest(&When::Now).await?;
        match format {
            Format::Json => console.print_json(&self.drawn(&relation, &app, &manifest)),
            Format::Mermaid => console.print(&mermaid(&self.drawn(&relation, &app, &manifest))),
            Format::Dot => console.print(&dot(&self.drawn(&relation, &app, &manifest))),
            _ => console.print(&self.tree(&relation, &app, &manifest, console)),
        }
    }

    fn find(&self, graph: &Graph) -> Result<RelationName> {
        let found = self.relation.parse().ok().filter(|name| graph.node(name).is_some());
        found.ok_or_else(|| {
            let wanted = self.relation.to_lowercase();
            let names = graph.in_order().map(|node| node.name());
            let distance = |name: &RelationName| {
                // Whoever leaves out the schema means the table.
                let whole = strsim::damerau_levenshtein(&name.to_string(), &wanted);
                whole.min(strsim::damerau_levenshtein(name.table(), &wanted))
            };
            let close = names.map(|name| (distance(name), name)).min();
            let hint = match close {
                Some((distance, name)) if distance <= 3 => format!("Did you mean {name}?"),
                _ => "`twinlake plan --full` lists the relations there are.".to_string(),
            };
            Error::new(ErrorKind::NotFound, format!("there is no relation {}", self.relation)).with_hint(hint)
        })
    }

    fn directions(&self) -> Vec<Direction> {
        match (self.up, self.down) {
            (true, _) => vec![Direction::Up],
            (_, true) => vec![Direction::Down],
            _ => vec![Direction::Up, Direction::Down],
        }
    }

    fn drawn(&self, relation: &RelationName, app: &App, manifest: &Manifest) -> Drawn {
        let mut names = BTreeSet::from([relation.clone()]);
        let mut edges = BTreeSet::new();
        for direction in self.directions() {
            let mut frontier = BTreeSet::from([relation.clone()]);
            let mut seen = frontier.clone();
            for _ in 0..self.depth.unwrap_or(usize::MAX) {
                let mut next = BTreeSet::new();
                for name in &frontier {
                    for other in neighbours(&app.graph, name, direction) {
                        let (from, to) = match direction {
                            Direction::Up => (other.clone(), name.clone()),
                            Direction::Down => (name.clone(), other.clone()),
                        };
                        edges.insert(Edge { from, to });
                        if seen.insert(other.clone()) {
                            next.insert(other);
                        }
                    }
                }
                if next.is_empty() {
                    break;
                }
                frontier = next;
            }
            names.extend(seen);
        }
        let nodes = names.into_iter().map(|name| place(name, &app.graph, manifest)).collect();
        Drawn { relation: relation.clone(), nodes, edges: edges.into_iter().collect() }
    }

    fn tree(&self, relation: &RelationName, app: &App, manifest: &Manifest, console: &Console) -> String {
        let mut tree = Tree {
            graph: &app.graph,
            lines: if console.is_unicode() { UNICODE } else { ASCII },
            depth: self.depth.unwrap_or(usize::MAX),
            rows: Vec::new(),
            shown: BTreeSet::new(),
        };
        for direction in self.directions() {
            if !tree.rows.is_empty() {
                if app.graph.downstream(relation).is_empty() {
                    continue;
                }
                tree.rows.push((String::new(), None));
                tree.rows.push(("read by".to_string(), None));
            } else {
                tree.rows.push((relation.to_string(), Some(relation.clone())));
            }
            tree.shown.clear();
            tree.below(relation, direction, "", 0);
        }
        let width = tree.rows.iter().map(|(text, _)| text.chars().count()).max().unwrap_or(0);
        let paint = console.paint_stdout();
        let mut text = String::new();
        for (line, name) in &tree.rows {
            match name {
                Some(name) => {
                    let padding = " ".repeat(width - line.chars().count());
                    let about = paint.dim(&about(&place(name.clone(), &app.graph, manifest)));
                    let _ = writeln!(text, "{line}{padding}  {about}");
                }
                None => {
                    let _ = writeln!(text, "{line}");
                }
            }
        }
        text
    }
}

fn neighbours(graph: &Graph, name: &RelationName, direction: Direction) -> BTreeSet<RelationName> {
    match direction {
        Direction::Up => graph.upstream(name),
        Direction::Down => graph.downstream(name),
    }
}

fn place(relation: RelationName, graph: &Graph, manifest: &Manifest) -> Place {
    let published = manifest.relations.get(&relation);
    Place {
        kind: graph.node(&relation).map_or("system", |node| node.kind().as_str()),
        version: published.and_then(|published| published.version),
        rows: published.filter(|published| published.version.is_some()).map(|published| published.rows),
        made_by: published.map(|published| published.run_id.to_string()),
        relation,
    }
}

fn about(place: &Place) -> String {
    match (place.version, place.rows, &place.made_by) {
        (Some(version), Some(rows), _) => format!("{}, version {version}, {} rows", place.kind, count(rows)),
        (_, _, Some(_)) => format!("{}, computed when read", place.kind),
        _ => format!("{}, not published", place.kind),
    }
}

struct Lines {
    branch: &'static str,
    last: &'static str,
    beside: &'static str,
}

const UNICODE: &Lines = &Lines { branch: "├── ", last: "└── ", beside: "│   " };
const ASCII: &Lines = &Lines { branch: "|-- ", last: "`-- ", beside: "|   " };

struct Tree<'a> {
    graph: &'a Graph,
    lines: &'static Lines,
    depth: usize,
    rows: Vec<(String, Option<RelationName>)>,
    /// Whose own branches are drawn already: a node that many read would otherwise repeat all of its past.
    shown: BTreeSet<RelationName>,
}

impl Tree<'_> {
    fn below(&mut self, name: &RelationName, direction: Direction, indent: &str, steps: usize) {
        if steps >= self.depth {
            return;
        }
        let others = neighbours(self.graph, name, direction);
        let end = others.len();
        for (position, other) in others.into_iter().enumerate() {
            let is_last = position + 1 == end;
            let (branch, beside) =
                if is_last { (self.lines.last, "    ") } else { (self.lines.branch, self.lines.beside) };
            let has_more = !neighbours(self.graph, &other, direction).is_empty();
            let again = has_more && !self.shown.insert(other.clone());
            let mark = if again { " (see above)" } else { "" };
            self.rows.push((format!("{indent}{branch}{other}{mark}"), Some(other.clone())));
            if !again {
                self.below(&other, direction, &format!("{indent}{beside}"), steps + 1);
            }
        }
    }
}

fn mermaid(drawn: &Drawn) -> String {
    let mut text = String::from("flowchart LR\n");
    let ids: BTreeMap<&RelationName, String> =
        drawn.nodes.iter().enumerate().map(|(number, node)| (&node.relation, format!("n{number}"))).collect();
    for node in &drawn.nodes {
        let (open, close) = match node.kind {
            "source" => ("[(", ")]"),
            "model" => ("{{", "}}"),
            _ => ("[", "]"),
        };
        let _ = writeln!(text, "  {}{open}\"{}\"{close}", ids[&node.relation], node.relation);
    }
    for edge in &drawn.edges {
        let _ = writeln!(text, "  {} --> {}", ids[&edge.from], ids[&edge.to]);
    }
    text
}

fn dot(drawn: &Drawn) -> String {
    let mut text = String::from("digraph lineage {\n  rankdir = LR;\n  node [shape = box];\n");
    for node in &drawn.nodes {
        let shape = match node.kind {
            "source" => "cylinder",
            "model" => "hexagon",
            _ => "box",
        };
        let _ = writeln!(text, "  \"{}\" [shape = {shape}];", node.relation);
    }
    for edge in &drawn.edges {
        let _ = writeln!(text, "  \"{}\" -> \"{}\";", edge.from, edge.to);
    }
    text.push_str("}\n");
    text
}
