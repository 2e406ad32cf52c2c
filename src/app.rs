//! The composition root: a twin's declarations, made into nodes over its lake. Sources, views and models are registered here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::clock;
use crate::engine::{Engine, EngineSettings, Session, Use};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Fingerprint, RelationName};
use crate::ingest::FileTable;
use crate::lake::{Binding, Lake, Manifest, When};
use crate::learn::{ModelNode, Registry, broken_rules};
use crate::node::{ColumnDoc, Description, Node, checks};
use crate::project::{Diagnostics, Model, Project, Table, View};
use crate::run::{Graph, Options, Plan, Reporter, Selection, Summary};
use crate::transform::ViewNode;

/// Counts up when Twinlake computes something else from the same declaration: every node is then refreshed.
const GENERATION: &str = "2";

/// A twin, opened: its declarations, its lake, and the graph of its nodes.
pub struct App {
    /// What it declares.
    pub project: Project,
    /// Its lake.
    pub lake: Lake,
    /// Its engine.
    pub engine: Engine,
    /// Its nodes.
    pub graph: Graph,
    /// Those of its nodes that are models.
    pub models: BTreeMap<RelationName, Arc<ModelNode>>,
}

impl App {
    /// Opens the twin in folder `root`. Reads declarations only.
    ///
    /// # Errors
    /// All that is wrong with the declarations.
    pub fn open(root: &Path, env: &BTreeMap<String, String>) -> Result<App> {
        let project = Project::load(root, env).map_err(Error::from)?;
        App::of(project)
    }

    /// The twin of declarations that were loaded before.
    ///
    /// # Errors
    /// A cycle, or a lake that no object store answers for.
    pub fn of(project: Project) -> Result<App> {
        let lake = Lake::open(&project.lake_url)?;
        let engine = Engine::new(&lake, settings(&project))?;
        let (graph, models) = graph(&project, &engine)?;
        Ok(App { project, lake, engine, graph, models })
    }

    /// What is published.
    ///
    /// # Errors
    /// As [`Manifest::load`].
    pub async fn manifest(&self, when: &When) -> Result<Arc<Manifest>> {
        Ok(Arc::new(Manifest::load(&self.lake, when).await?))
    }

    /// A session over what was published at `when`, for a person or tool that asks.
    ///
    /// # Errors
    /// As [`Manifest::load`].
    pub async fn session(&self, when: &When) -> Result<Session> {
        let manifest = self.manifest(when).await?;
        let as_of = manifest.published_at.unwrap_or_else(clock::now);
        Ok(self.engine.session(Binding::of(manifest), as_of, Use::Ask))
    }

    /// The versions of a model, as published at `when`; `asked` is a version whose parameters are needed.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub async fn registry(&self, model: &RelationName, when: &When, asked: Option<i64>) -> Result<Registry> {
        let binding = Binding::of(self.manifest(when).await?);
        Registry::read(&self.engine, &binding, model, asked).await
    }

    /// What a run would do now.
    ///
    /// # Errors
    /// When the lake or the sources cannot be listed, or the selection selects nothing.
    pub async fn plan(&self, selection: &Selection, full: bool) -> Result<Plan> {
        self.verify_resolved()?;
        let options = Options { selection: selection.clone(), full, ..Options::default() };
        crate::run::prepare(&self.graph, &self.engine, &options).await.map(|prepared| prepared.plan)
    }

    /// Brings the twin up to date and publishes.
    ///
    /// # Errors
    /// When nothing could be planned or published at all. A node's failure is in the summary.
    pub async fn run(&self, options: Options, reporter: Arc<dyn Reporter>) -> Result<Summary> {
        self.verify_resolved()?;
        crate::run::execute(&self.graph, &self.engine, options, reporter).await
    }

    /// That all nodes read what is declared. A view may be up to date and yet read what is no longer there: a run would
    /// leave it published, and broken.
    fn verify_resolved(&self) -> Result<()> {
        let found = crate::run::unresolved(&self.project, &self.engine);
        if found.has_errors() { Err(Error::from(found)) } else { Ok(()) }
    }
}

/// What a twin declares, and all that is found wrong with it without touching data.
pub struct Checked {
    /// What it declares, unless that cannot be made out.
    pub project: Option<Project>,
    /// Errors and warnings, in order of file and place.
    pub found: Diagnostics,
}

/// Reads the declarations in folder `root` and plans them. Neither the lake nor any source file is touched.
///
/// # Errors
/// When the engine cannot start; what is wrong with the declarations is no error of this function.
pub async fn check(root: &Path, env: &BTreeMap<String, String>) -> Result<Checked> {
    let project = match Project::load(root, env) {
        Ok(project) => project,
        Err(found) => return Ok(Checked { project: None, found }),
    };
    let nowhere = url::Url::parse("memory:///").expect("a literal URL parses");
    let engine = Engine::new(&Lake::open(&nowhere)?, settings(&project))?;
    let planned = crate::run::validate(&project, &engine).await;
    let found = Diagnostics::new(project.warnings.iter().cloned().chain(planned).collect());
    Ok(Checked { project: Some(project), found })
}

fn settings(project: &Project) -> EngineSettings {
    EngineSettings {
        memory_bytes: project.memory_bytes,
        threads: project.twin.engine.threads,
        batch_rows: project.twin.engine.batch_rows,
    }
}

/// The nodes of a twin, and their edges.
///
/// # Errors
/// [`ErrorKind::Declaration`] with every place of a cycle.
fn graph(project: &Project, engine: &Engine) -> Result<(Graph, BTreeMap<RelationName, Arc<ModelNode>>)> {
    let session = engine.session(Binding::default(), clock::now(), Use::Compute);
    let mut nodes: Vec<Arc<dyn Node>> = Vec::new();
    for table in &project.tables {
        nodes.push(Arc::new(file_table(table)?));
    }
    for view in &project.views {
        nodes.push(Arc::new(view_node(view, &session)?));
    }
    let broken: Vec<_> = project.models.iter().flat_map(|model| broken_rules(project, model)).collect();
    if !broken.is_empty() {
        return Err(Error::from(Diagnostics::from(broken)));
    }
    let mut models = BTreeMap::new();
    for model in &project.models {
        let node = Arc::new(model_node(model, &session, tags(project))?);
        nodes.push(Arc::clone(&node) as Arc<dyn Node>);
        models.insert(model.name.clone(), node);
    }
    let graph = Graph::new(nodes).map_err(|cycle| {
        let (message, hint) = crate::run::circle(&cycle);
        match cycle.first().and_then(|name| project.origin(name)) {
            Some(origin) => {
                let diagnostic = project.diagnose("cycle", origin, "", message).with_hint(hint);
                Error::from(Diagnostics::from(vec![diagnostic]))
            }
            None => Error::new(ErrorKind::Declaration, message).with_hint(hint),
        }
    })?;
    Ok((graph, models))
}

fn file_table(table: &Table) -> Result<FileTable> {
    let mut inputs = BTreeSet::new();
    for column in table.decl.columns.values() {
        if let Some((relation, _)) = column.references.as_deref().and_then(|target| target.rsplit_once('.')) {
            inputs.insert(relation.parse()?);
        }
    }
    let columns = table.decl.columns.iter().map(|(name, decl)| ColumnDoc {
        name: name.clone(),
        text: decl.doc.clone(),
        tags: decl.tags.clone(),
    });
    let description = Description {
        text: table.decl.description.clone(),
        owner: table.decl.owner.clone(),
        columns: columns.collect(),
    };
    Ok(FileTable {
        fingerprint: table_fingerprint(table),
        checks: checks(&table.decl.checks, &[])?,
        table: Arc::new(table.clone()),
        inputs,
        description,
    })
}

/// Over what decides about rows: not over words, checks, or how many files a run takes.
fn table_fingerprint(table: &Table) -> Fingerprint {
    let mut decl = table.decl.clone();
    decl.description.clear();
    decl.owner.clear();
    decl.checks.clear();
    decl.max_files_per_run = 0;
    for column in decl.columns.values_mut() {
        column.doc.clear();
        column.tags.clear();
    }
    Fingerprint::of([GENERATION, "table", table.source.as_str(), format!("{decl:?}").as_str()])
}

fn view_node(view: &View, session: &Session) -> Result<ViewNode> {
    let inputs: BTreeSet<RelationName> =
        session.references(&view.sql).map_err(|error| error.context(format!("view {}", view.name)))?;
    let columns = view.column_docs.iter().map(|(name, text)| ColumnDoc {
        name: name.clone(),
        text: text.clone(),
        tags: Vec::new(),
    });
    let kind = format!("{:?}", view.decl.materialize);
    Ok(ViewNode {
        name: view.name.clone(),
        fingerprint: Fingerprint::of([GENERATION, "view", kind.as_str(), view.sql.trim()]),
        sql: Arc::from(view.sql.trim()),
        materialize: view.decl.materialize,
        inputs,
        checks: checks(&view.decl.checks, &view.decl.grain)?,
        description: Description {
            text: view.decl.description.clone(),
            owner: view.decl.owner.clone(),
            columns: columns.collect(),
        },
        tags: view.decl.tags.clone(),
    })
}

/// The sensitivity tags of all source columns, by name: what a model learns from under the same name is taken to be the same.
fn tags(project: &Project) -> BTreeMap<String, String> {
    let mut tags: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in &project.tables {
        for (name, column) in table.decl.columns.iter().filter(|(_, column)| !column.tags.is_empty()) {
            tags.entry(name.clone()).or_default().extend(column.tags.iter().cloned());
        }
    }
    tags.into_iter().map(|(name, tags)| (name, tags.into_iter().collect::<Vec<_>>().join(","))).collect()
}

fn model_node(model: &Model, session: &Session, tags: BTreeMap<String, String>) -> Result<ModelNode> {
    let mut inputs = BTreeSet::new();
    for (_, sql) in model.decl.queries() {
        inputs
            .extend(session.references(sql).map_err(|error| error.context(format!("model {}", model.name)))?);
    }
    let mut decl = model.decl.clone();
    decl.description.clear();
    decl.owner.clear();
    decl.checks.clear();
    let fingerprint = Fingerprint::of([GENERATION, "model", format!("{decl:?}").as_str()]);
    // What decides about learning alone: a new rule of acceptance does not make a version outdated.
    decl.accept = Default::default();
    decl.retrain = None;
    decl.monitor = Default::default();
    let learning = Fingerprint::of([GENERATION, "learning", format!("{decl:?}").as_str()]);
    let description = Description {
        text: model.decl.description.clone(),
        owner: model.decl.owner.clone(),
        columns: crate::learn::column_docs(&model.decl),
    };
    Ok(ModelNode {
        name: model.name.clone(),
        checks: checks(&model.decl.checks, &[])?,
        decl: model.decl.clone(),
        inputs,
        fingerprint,
        learning,
        tags,
        description,
    })
}
