//! `kind = "recommend"`: from what users took before to the next best items of each, or the items most like each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::{read, write};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::system::ModelMetricRow;
use crate::learn::columns;
use crate::learn::learner::{Data, Feature, Headline, Learner, LooksBack, Past, Predicted, Trained};
use crate::learn::recommend::{Interactions, Reason, Recommender, Settings};
use crate::learn::watch::Measure;
use crate::project::model::{RecommendDecl, RecommendFor};

/// Recommendations, as declared.
pub(in crate::learn) struct RecommendLearner {
    pub decl: RecommendDecl,
}

/// What is kept: names by number, and the model over numbers.
#[derive(Serialize, Deserialize)]
struct Parameters {
    users: Vec<String>,
    items: Vec<String>,
    recommender: Recommender,
}

/// The rows of the query, by number.
struct Read {
    users: Vec<String>,
    items: Vec<String>,
    user: Vec<u32>,
    item: Vec<u32>,
    weight: Vec<f64>,
    time: Vec<f64>,
    segment: Option<Vec<u32>>,
    /// Rows without user, item or time, or with a weight that is not above zero.
    left_out: usize,
}

impl RecommendLearner {
    /// The rows, where there are any.
    fn known(&self, data: &Data) -> Result<Option<Read>> {
        match self.read(data) {
            Err(error) if error.kind() == ErrorKind::NoHistory => Ok(None),
            read => read.map(Some),
        }
    }

    fn read(&self, data: &Data) -> Result<Read> {
        let column = |name: &str| columns::required(&data.rows, name);
        let users = columns::texts(&column(&self.decl.user)?)?;
        let items = columns::texts(&column(&self.decl.item)?)?;
        let times = columns::days(&column(&self.decl.time)?, &self.decl.time)?;
        let weights = match &self.decl.weight {
            Some(name) => {
                columns::numbers(&column(name)?, name)?.iter().map(|weight| weight.unwrap_or(0.0)).collect()
            }
            None => vec![1.0; users.len()],
        };
        let segments = match &self.decl.segment {
            Some(name) => Some(columns::texts(&column(name)?)?),
            None => None,
        };
        let usable = |row: &usize| {
            users[*row].is_some()
                && items[*row].is_some()
                && times[*row].is_finite()
                && weights[*row] > 0.0
                && weights[*row].is_finite()
        };
        let rows: Vec<usize> = (0..users.len()).filter(usable).collect();
        if rows.is_empty() {
            let weight = self.decl.weight.as_ref();
            let weight = weight.map_or(String::new(), |weight| format!(", and a {weight} above zero"));
            return Err(Error::new(
                ErrorKind::NoHistory,
                format!(
                    "of {} rows none has {}, {} and {}{weight}",
                    users.len(),
                    self.decl.user,
                    self.decl.item,
                    self.decl.time
                ),
            )
            .with_hint("Run `sql` by itself: its tables may be empty, or its WHERE too strict."));
        }
        let names = |of: &[Option<String>]| -> Vec<String> {
            let distinct: BTreeSet<&String> = rows.iter().filter_map(|row| of[*row].as_ref()).collect();
            distinct.into_iter().cloned().collect()
        };
        let (user_names, item_names) = (names(&users), names(&items));
        let number = |names: &[String], of: &[Option<String>]| -> Vec<u32> {
            let numbers: BTreeMap<&str, u32> = names.iter().map(String::as_str).zip(0u32..).collect();
            rows.iter().map(|row| of[*row].as_deref().map_or(0, |name| numbers[name])).collect()
        };
        let (user, item) = (number(&user_names, &users), number(&item_names, &items));
        // A user's segment is that of his last row; of rows of the same time, the last by name.
        let segment = segments.map(|segments| {
            let labels: BTreeSet<&str> = segments.iter().flatten().map(String::as_str).collect();
            let numbers: BTreeMap<&str, u32> = labels.into_iter().zip(1u32..).collect();
            let mut last = vec![(f64::NEG_INFINITY, 0u32); user_names.len()];
            for (row, user) in rows.iter().zip(&user) {
                let segment = segments[*row].as_deref().map_or(0, |label| numbers[label]);
                let known = &mut last[*user as usize];
                if (times[*row], segment) > *known {
                    *known = (times[*row], segment);
                }
            }
            last.into_iter().map(|(_, segment)| segment).collect()
        });
        Ok(Read {
            left_out: users.len() - rows.len(),
            weight: rows.iter().map(|row| weights[*row]).collect(),
            time: rows.iter().map(|row| times[*row]).collect(),
            users: user_names,
            items: item_names,
            user,
            item,
            segment,
        })
    }

    fn key(&self) -> &str {
        match self.decl.whom {
            RecommendFor::Users => &self.decl.user,
            RecommendFor::Items => &self.decl.item,
        }
    }
}

/// Fewer users than this say nothing about recommendations.
const LEAST: usize = 30;

impl Read {
    /// What each user has taken, by the numbers of items among those that are known; nothing else is recommended.
    fn since(&self, items: &[String]) -> BTreeMap<String, BTreeSet<u32>> {
        let number: Vec<Option<u32>> = self
            .items
            .iter()
            .map(|item| items.binary_search(item).ok().and_then(|place| u32::try_from(place).ok()))
            .collect();
        let mut taken: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for (user, item) in self.user.iter().zip(&self.item) {
            let of_user = taken.entry(self.users[*user as usize].clone()).or_default();
            of_user.extend(number[*item as usize]);
        }
        taken
    }
}

impl Learner for RecommendLearner {
    fn schema(&self, rows: &Schema) -> Result<SchemaRef> {
        let user = columns::required_type(rows, &self.decl.user)?;
        let item = columns::required_type(rows, &self.decl.item)?;
        columns::check_time(&columns::required_type(rows, &self.decl.time)?, &self.decl.time)?;
        if let Some(weight) = &self.decl.weight {
            columns::check_number(&columns::required_type(rows, weight)?, weight)?;
        }
        if let Some(segment) = &self.decl.segment {
            columns::required_type(rows, segment)?;
        }
        let mut fields = match self.decl.whom {
            RecommendFor::Users => vec![
                Field::new(&self.decl.user, user, false),
                Field::new("rank", DataType::Int32, false),
                Field::new(&self.decl.item, item, false),
            ],
            RecommendFor::Items => vec![
                Field::new(&self.decl.item, item.clone(), false),
                Field::new("rank", DataType::Int32, false),
                Field::new("recommended", item, false),
            ],
        };
        fields.push(Field::new("score", DataType::Float64, false));
        fields.push(Field::new("reason", DataType::Utf8, false));
        Ok(Arc::new(Schema::new(fields)))
    }

    fn train(&self, data: &Data, _start: Option<&str>) -> Result<Trained> {
        self.schema(data.rows[0].schema_ref())?;
        let read = self.read(data)?;
        let interactions = Interactions {
            users: read.users.len(),
            items: read.items.len(),
            user: &read.user,
            item: &read.item,
            weight: &read.weight,
            time: &read.time,
            segment: read.segment.as_deref(),
        };
        let settings = Settings {
            k: self.decl.top,
            new_only: !self.decl.repeats,
            seed: data.seed,
            ..Settings::default()
        };
        let recommender = Recommender::fit(&interactions, settings)?;
        let mut headline =
            Headline { metric: "recall_at_k".into(), less_is_better: false, ..Headline::default() };
        let mut metrics = Vec::new();
        for trial in recommender.trials() {
            let published = trial.name == "blend";
            if published {
                headline.value = Some(trial.quality.recall);
                headline.others.insert("ndcg_at_k".into(), trial.quality.ndcg);
                headline.others.insert("item_coverage".into(), trial.quality.coverage);
                headline.others.insert("users".into(), trial.quality.users as f64);
            } else if trial.name == "popularity" {
                headline.baseline = Some(trial.quality.recall);
            }
            metrics.push(ModelMetricRow {
                series: "*".into(),
                candidate: if published { "published".into() } else { trial.name.clone() },
                windows: Some(1),
                evaluated: i64::try_from(trial.quality.users).ok(),
                recall_at_k: Some(trial.quality.recall),
                ndcg_at_k: Some(trial.quality.ndcg),
                item_coverage: Some(trial.quality.coverage),
                weight: Some(trial.weight),
                chosen: trial.weight > 0.0,
                ..ModelMetricRow::default()
            });
        }
        let mut notes = Vec::new();
        if read.left_out > 0 {
            notes.push(format!(
                "{} rows without {}, {} or {}, or with a weight not above zero, were left out",
                read.left_out, self.decl.user, self.decl.item, self.decl.time
            ));
        }
        if recommender.trials().is_empty() {
            notes.push(
                "there are too few users with a history to try candidates on: popularity is recommended"
                    .into(),
            );
        }
        let rows = read.user.len() as u64;
        let decl = &self.decl;
        let always = [Some(&decl.user), Some(&decl.item), Some(&decl.time)];
        let read_columns = always.into_iter().chain([decl.weight.as_ref(), decl.segment.as_ref()]);
        let read_columns: Vec<String> = read_columns.flatten().cloned().collect();
        let parameters = Parameters { users: read.users, items: read.items, recommender };
        Ok(Trained {
            parameters: write(&parameters)?,
            metrics,
            headline,
            features: Feature::named(&read_columns),
            rows,
            notes,
        })
    }

    fn predict(&self, parameters: &str, data: &Data) -> Result<Predicted> {
        let schema = self.schema(data.rows[0].schema_ref())?;
        let Parameters { users, items, recommender } = read(parameters)?;
        let (mut keys, mut ranks, mut recommended) = (Vec::new(), Vec::new(), Vec::new());
        let (mut scores, mut reasons, mut absent) = (Vec::new(), Vec::new(), Vec::new());
        // What was taken since the version was learned, and by whom.
        let read = self.known(data)?;
        let since = read.as_ref().map(|read| read.since(&items)).unwrap_or_default();
        let newcomers: Vec<&String> = match self.decl.whom {
            RecommendFor::Users => since.keys().filter(|user| users.binary_search(user).is_err()).collect(),
            RecommendFor::Items => Vec::new(),
        };
        let of_whom = match self.decl.whom {
            RecommendFor::Users => &users,
            RecommendFor::Items => &items,
        };
        let told = |reason: Reason| match reason {
            Reason::Popular => "popular".to_string(),
            Reason::PopularInSegment => "popular in the segment".to_string(),
            Reason::BoughtBefore => "taken before, again and again".to_string(),
            Reason::Because(item) => {
                format!("goes with {}", items.get(item as usize).map_or("", String::as_str))
            }
        };
        let top = self.decl.top;
        for (number, name) in of_whom.iter().chain(newcomers).enumerate() {
            let list: Result<Vec<(u32, f64, String)>, _> = match self.decl.whom {
                RecommendFor::Users => {
                    let taken = since.get(name).filter(|_| !self.decl.repeats).into_iter().flatten();
                    let new: BTreeSet<u32> =
                        taken.copied().filter(|item| !recommender.has_taken(number, *item)).collect();
                    let more = top + new.len();
                    let list = match number < users.len() {
                        true => recommender.recommend(number, more),
                        false => Ok(recommender.for_anybody(more)),
                    };
                    list.map(|list| {
                        let list = list.into_iter().filter(|one| !new.contains(&one.item)).take(top);
                        list.map(|one| (one.item, one.score, told(one.reason))).collect()
                    })
                }
                RecommendFor::Items => recommender.similar(number, self.decl.top).map(|list| {
                    let alike = |(item, score)| (item, score, "taken by the same".to_string());
                    list.into_iter().map(alike).collect()
                }),
            };
            match list {
                Ok(list) => {
                    for (rank, (item, score, reason)) in (1..).zip(list) {
                        keys.push(name.as_str());
                        ranks.push(rank);
                        recommended.push(items.get(item as usize).map_or("", String::as_str));
                        scores.push(score);
                        reasons.push(reason);
                    }
                }
                Err(absence) => absent.push((format!("{}={name}", self.key()), absence.as_str().to_string())),
            }
        }
        let typed = |texts: Vec<&str>, field: &Field| -> Result<ArrayRef> {
            let texts: ArrayRef = Arc::new(StringArray::from(texts));
            Ok(cast(&texts, field.data_type())?)
        };
        let columns: Vec<ArrayRef> = vec![
            typed(keys, schema.field(0))?,
            Arc::new(Int32Array::from(ranks)),
            typed(recommended, schema.field(2))?,
            Arc::new(Float64Array::from(scores)),
            Arc::new(StringArray::from(reasons)),
        ];
        Ok(Predicted { rows: RecordBatch::try_new(schema, columns)?, absent })
    }

    fn looks_back(&self) -> LooksBack {
        LooksBack::Newest
    }

    /// How much of what users took after a recommendation was published had been in it.
    fn watch(&self, _parameters: &str, data: &Data, past: &[Past]) -> Result<Vec<Measure>> {
        if self.decl.whom == RecommendFor::Items {
            return Ok(Vec::new());
        }
        let Some(last) = past.first() else { return Ok(Vec::new()) };
        let since = last.published_at.timestamp() as f64 / 86_400.0;
        let Some(read) = self.known(data)? else { return Ok(Vec::new()) };
        let mut taken: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in (0..read.user.len()).filter(|row| read.time[*row] > since) {
            let (user, item) = (read.user[row] as usize, read.item[row] as usize);
            taken.entry(&read.users[user]).or_default().insert(&read.items[item]);
        }
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        let users = columns::texts(&columns::required(&last.rows, &self.decl.user)?)?;
        let items = columns::texts(&columns::required(&last.rows, &self.decl.item)?)?;
        let mut hits: BTreeMap<&str, usize> = BTreeMap::new();
        for (user, item) in users.iter().zip(&items) {
            let (Some(user), Some(item)) = (user, item) else { continue };
            if taken.get(user.as_str()).is_some_and(|taken| taken.contains(item.as_str())) {
                *hits.entry(user).or_default() += 1;
            }
        }
        let recall = |(user, taken): (&&str, &BTreeSet<&str>)| {
            hits.get(*user).copied().unwrap_or(0) as f64 / taken.len() as f64
        };
        let sum: f64 = taken.iter().map(recall).sum();
        Ok(vec![Measure {
            family: "accuracy",
            metric: "recall_at_k".into(),
            value: (taken.len() >= LEAST).then_some(sum / taken.len() as f64),
            note: (taken.len() < LEAST).then(|| format!("{} users are too few", taken.len())),
            rows: i64::try_from(taken.len()).unwrap_or(i64::MAX),
            ..Measure::everywhere()
        }])
    }
}
