//! SQL views as nodes: rows computed when they are read, or by a run.

mod view;

pub use view::ViewNode;
