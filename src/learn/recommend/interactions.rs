//! Who bought what and when: checked, sorted, and as sparse matrices.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// Purchases, one for each place of the four slices. Users and items are numbered from 0.
#[derive(Clone, Copy, Debug)]
pub(in crate::learn) struct Interactions<'a> {
    /// How many users there are, with or without a purchase.
    pub users: usize,
    /// How many items there are, bought or not.
    pub items: usize,
    /// Who.
    pub user: &'a [u32],
    /// What.
    pub item: &'a [u32],
    /// How much it says about a preference; above zero. One for a purchase is a good choice.
    pub weight: &'a [f64],
    /// When, in days since any fixed day.
    pub time: &'a [f64],
    /// The segment of each user, numbered from 0; without it all are of one.
    pub segment: Option<&'a [u32]>,
}

/// The same, owned and sorted by user, item, time and weight: the order of the input leaves no trace.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Events {
    pub users: usize,
    pub items: usize,
    rows: Vec<Event>,
    /// Of each user.
    pub segment: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Event {
    pub user: u32,
    pub item: u32,
    pub time: f64,
    pub weight: f64,
}

impl Events {
    /// Checks and sorts.
    ///
    /// # Errors
    /// [`ErrorKind::Bug`] where slices differ in length or a number is out of range; [`ErrorKind::Model`] where a
    /// weight is not above zero or a time not finite; [`ErrorKind::NoHistory`] where there is none.
    pub fn new(from: &Interactions<'_>) -> Result<Events> {
        let rows = from.user.len();
        let fits = from.item.len() == rows && from.weight.len() == rows && from.time.len() == rows;
        let below = |codes: &[u32], count: usize| codes.iter().all(|&code| (code as usize) < count);
        let segmented = from.segment.is_none_or(|segment| segment.len() == from.users);
        if !(fits && segmented && below(from.user, from.users) && below(from.item, from.items)) {
            return Err(Error::new(ErrorKind::Bug, "the columns of the interactions do not fit together"));
        }
        if rows == 0 {
            return Err(Error::new(ErrorKind::NoHistory, "there are no interactions to learn from"));
        }
        let odd = |weight: f64, time: f64| !(weight > 0.0 && weight.is_finite() && time.is_finite());
        let bad = from.weight.iter().zip(from.time).filter(|&(&weight, &time)| odd(weight, time)).count();
        if bad > 0 {
            let message = format!("{bad} interactions have a weight that is not above zero, or no time");
            return Err(Error::new(ErrorKind::Model, message)
                .with_hint("Leave returns and rows without a date out of the query."));
        }
        let mut events: Vec<Event> = (0..rows)
            .map(|row| Event {
                user: from.user[row],
                item: from.item[row],
                time: from.time[row],
                weight: from.weight[row],
            })
            .collect();
        events.sort_unstable_by(|a, b| {
            (a.user, a.item)
                .cmp(&(b.user, b.item))
                .then(a.time.total_cmp(&b.time))
                .then(a.weight.total_cmp(&b.weight))
        });
        let segment = from.segment.map_or_else(|| vec![0; from.users], <[u32]>::to_vec);
        Ok(Events { users: from.users, items: from.items, rows: events, segment })
    }

    /// All, in their order.
    pub fn rows(&self) -> &[Event] {
        &self.rows
    }

    /// The first and the last time.
    pub fn span(&self) -> (f64, f64) {
        let times = self.rows.iter().map(|event| event.time);
        times.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), time| (low.min(time), high.max(time)))
    }

    /// Those before `at`, and the others.
    pub fn split(&self, at: f64) -> (Events, Events) {
        let (before, after) = self.rows.iter().partition(|event| event.time < at);
        let part = |rows| Events { rows, segment: self.segment.clone(), ..*self };
        (part(before), part(after))
    }

    /// Users in rows, items in columns; what a pair's purchases weigh at `now`, halved every `half_life` days.
    pub fn amounts(&self, now: f64, half_life: Option<f64>) -> Sparse {
        self.pairs(|events| {
            events.iter().map(|event| event.weight * decay(now - event.time, half_life)).sum()
        })
    }

    /// The same with 1 for a pair that was bought, halved every `half_life` days since it last was.
    pub fn presence(&self, now: f64, half_life: Option<f64>) -> Sparse {
        self.pairs(|events| events.last().map_or(0.0, |last| decay(now - last.time, half_life)))
    }

    fn pairs(&self, value: impl Fn(&[Event]) -> f64) -> Sparse {
        let mut sparse =
            Sparse { columns: self.items, starts: vec![0], places: Vec::new(), values: Vec::new() };
        let mut user = 0;
        for events in self.rows.chunk_by(|a, b| (a.user, a.item) == (b.user, b.item)) {
            while user < events[0].user {
                sparse.starts.push(sparse.places.len());
                user += 1;
            }
            sparse.places.push(events[0].item);
            sparse.values.push(value(events));
        }
        sparse.starts.resize(self.users + 1, sparse.places.len());
        sparse
    }
}

/// What is left of 1 after so many days.
pub(super) fn decay(days: f64, half_life: Option<f64>) -> f64 {
    half_life.map_or(1.0, |half_life| (-days.max(0.0) / half_life).exp2())
}

/// A matrix of which only the non-zero places are kept, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sparse {
    columns: usize,
    starts: Vec<usize>,
    places: Vec<u32>,
    values: Vec<f64>,
}

impl Sparse {
    /// Of these rows, each with its columns and values.
    pub fn from_rows(columns: usize, rows: Vec<Vec<(u32, f64)>>) -> Sparse {
        let mut sparse = Sparse { columns, starts: vec![0], places: Vec::new(), values: Vec::new() };
        for row in rows {
            for (place, value) in row {
                sparse.places.push(place);
                sparse.values.push(value);
            }
            sparse.starts.push(sparse.places.len());
        }
        sparse
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Columns and values of a row.
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = (usize, f64)> + Clone + '_ {
        let range = self.starts[row]..self.starts[row + 1];
        self.places[range.clone()].iter().map(|&place| place as usize).zip(self.values[range].iter().copied())
    }

    /// Rows become columns.
    pub fn transposed(&self) -> Sparse {
        let mut rows = vec![Vec::new(); self.columns];
        for row in 0..self.rows() {
            for (column, value) in self.row(row) {
                rows[column].push((row as u32, value));
            }
        }
        Sparse::from_rows(self.rows(), rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Interactions<'static> = Interactions {
        users: 3,
        items: 3,
        user: &[2, 0, 0, 2],
        item: &[1, 2, 0, 1],
        weight: &[1.0, 2.0, 1.0, 4.0],
        time: &[10.0, 0.0, 5.0, 0.0],
        segment: None,
    };

    #[test]
    fn pairs_are_summed_with_decay_and_turned() {
        let events = Events::new(&SMALL).unwrap();
        let amounts = events.amounts(10.0, Some(10.0));
        assert_eq!(amounts.row(2).collect::<Vec<_>>(), [(1, 3.0)]);
        assert_eq!(amounts.row(1).len(), 0);
        assert_eq!(events.presence(10.0, Some(5.0)).row(0).collect::<Vec<_>>(), [(0, 0.5), (2, 0.25)]);
        assert_eq!(amounts.transposed().transposed(), amounts);
        assert_eq!(events.split(5.0).0.rows().len(), 2);
    }

    #[test]
    fn odd_rows_are_refused_with_their_count() {
        let error = Events::new(&Interactions { weight: &[1.0, -2.0, f64::NAN, 4.0], ..SMALL }).unwrap_err();
        assert!(error.message().starts_with("2 interactions"), "{error}");
        let empty = Interactions { user: &[], item: &[], weight: &[], time: &[], ..SMALL };
        assert_eq!(Events::new(&empty).unwrap_err().kind(), ErrorKind::NoHistory);
        assert_eq!(Events::new(&Interactions { items: 2, ..SMALL }).unwrap_err().kind(), ErrorKind::Bug);
    }
}
