//! What is wrong with the files on purpose, and how often.

/// One kind of dirt. A flawed row is written besides the sound ones and has exactly one flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// The key of a row that was written before. Lands in append mode; in upsert mode it is the older version and loses.
    DuplicateKey,
    /// A date that no calendar has.
    BadDate,
    /// A quantity, duration or amount below zero.
    NegativeQuantity,
    /// The key of something that does not exist.
    UnknownReference,
    /// A required value is missing.
    MissingValue,
    /// Too many or too few fields, or text that is not JSON.
    Malformed,
    /// Words where a number belongs.
    TextInNumber,
    /// A value that cannot be, such as 99.9 degrees.
    OutOfRange,
    /// A code that the list of codes does not have.
    NotAccepted,
    /// A text that is not written as it should be. The contract only warns: the row lands.
    BadPattern,
}

impl Flaw {
    /// Whether the contract rejects such a row.
    pub fn rejects(self) -> bool {
        match self {
            Flaw::DuplicateKey | Flaw::BadPattern => false,
            Flaw::BadDate
            | Flaw::NegativeQuantity
            | Flaw::UnknownReference
            | Flaw::MissingValue
            | Flaw::Malformed
            | Flaw::TextInNumber
            | Flaw::OutOfRange
            | Flaw::NotAccepted => true,
        }
    }
}

/// The dirt of one table.
#[derive(Clone, Copy, Debug)]
pub struct Dirt {
    /// The relation the files land in.
    pub relation: &'static str,
    /// In how many files it is planted.
    pub files: u64,
    /// How many of each flaw one file has (at scale 1).
    pub per_file: &'static [(Flaw, u64)],
    /// Whether it is multiplied by the [whole scale](whole).
    pub scales: bool,
}

/// All planted dirt. Tables that are not named are clean.
pub const DIRT: &[Dirt] = &[
    Dirt {
        relation: "erp.supplier_products",
        files: 1,
        per_file: &[(Flaw::NegativeQuantity, 1), (Flaw::UnknownReference, 2), (Flaw::TextInNumber, 1)],
        scales: false,
    },
    Dirt {
        relation: "erp.purchase_orders",
        files: 3,
        per_file: &[
            (Flaw::DuplicateKey, 6),
            (Flaw::BadDate, 3),
            (Flaw::NegativeQuantity, 2),
            (Flaw::UnknownReference, 2),
            (Flaw::MissingValue, 2),
            (Flaw::Malformed, 2),
            (Flaw::TextInNumber, 1),
        ],
        scales: false,
    },
    Dirt {
        relation: "erp.sales",
        files: 36,
        per_file: &[
            (Flaw::DuplicateKey, 4),
            (Flaw::BadDate, 2),
            (Flaw::NegativeQuantity, 3),
            (Flaw::UnknownReference, 2),
            (Flaw::MissingValue, 1),
            (Flaw::Malformed, 2),
            (Flaw::TextInNumber, 1),
        ],
        scales: true,
    },
    Dirt {
        relation: "crm.customers",
        files: 3,
        per_file: &[
            (Flaw::DuplicateKey, 5),
            (Flaw::BadDate, 2),
            (Flaw::MissingValue, 2),
            (Flaw::Malformed, 2),
            (Flaw::NotAccepted, 1),
            (Flaw::BadPattern, 3),
        ],
        scales: true,
    },
    Dirt {
        relation: "crm.opportunities",
        files: 1,
        per_file: &[(Flaw::NegativeQuantity, 2), (Flaw::UnknownReference, 3), (Flaw::NotAccepted, 1)],
        scales: true,
    },
    Dirt {
        relation: "crm.campaigns",
        files: 1,
        per_file: &[(Flaw::BadDate, 1), (Flaw::MissingValue, 1)],
        scales: false,
    },
    Dirt {
        relation: "finance.targets",
        files: 1,
        per_file: &[(Flaw::UnknownReference, 1), (Flaw::TextInNumber, 1)],
        scales: false,
    },
    Dirt {
        relation: "finance.budget",
        files: 3,
        per_file: &[(Flaw::MissingValue, 1), (Flaw::TextInNumber, 1)],
        scales: false,
    },
    Dirt {
        relation: "finance.ledger",
        files: 12,
        per_file: &[
            (Flaw::BadDate, 1),
            (Flaw::NegativeQuantity, 2),
            (Flaw::UnknownReference, 1),
            (Flaw::MissingValue, 1),
            (Flaw::Malformed, 2),
        ],
        scales: true,
    },
    Dirt {
        relation: "weather.observations",
        files: 36,
        per_file: &[(Flaw::OutOfRange, 1), (Flaw::NotAccepted, 1)],
        scales: false,
    },
    Dirt {
        relation: "market.exchange_rates",
        files: 1,
        per_file: &[(Flaw::DuplicateKey, 2), (Flaw::NegativeQuantity, 2)],
        scales: false,
    },
];

/// How many rows with this flaw the files of a relation have in all.
pub fn planted(relation: &str, flaw: Flaw, scale: f64) -> u64 {
    let dirt = DIRT.iter().filter(|dirt| dirt.relation == relation);
    dirt.map(|dirt| {
        let each: u64 = dirt.per_file.iter().filter(|(kind, _)| *kind == flaw).map(|(_, n)| n).sum();
        dirt.files * each * if dirt.scales { whole(scale) } else { 1 }
    })
    .sum()
}

/// The whole part of a scale, at least 1: what scaling dirt is multiplied by.
pub fn whole(scale: f64) -> u64 {
    (scale.floor() as u64).max(1)
}

/// When to plant which flaw while the `slots` sound rows (or days) of one file are written: spread evenly over them.
pub(super) struct Schedule {
    flaws: Vec<Flaw>,
    slots: usize,
    next: usize,
}

impl Schedule {
    /// For one file of a relation.
    pub(super) fn of(relation: &str, scale: f64, slots: usize) -> Self {
        let mut flaws = Vec::new();
        for dirt in DIRT.iter().filter(|dirt| dirt.relation == relation) {
            let times = if dirt.scales { whole(scale) } else { 1 };
            for _ in 0..times {
                for (flaw, n) in dirt.per_file {
                    flaws.extend((0..*n).map(|_| *flaw));
                }
            }
        }
        Self { flaws, slots, next: 0 }
    }

    /// The next flaw to plant after this slot, if one is due.
    pub(super) fn due(&mut self, slot: usize) -> Option<Flaw> {
        let flaw = *self.flaws.get(self.next)?;
        let due = (self.next + 1) * self.slots / (self.flaws.len() + 1);
        (slot >= due).then(|| {
            self.next += 1;
            flaw
        })
    }

    /// The number of the flaw handed out last, from 1: alternates the ways of being wrong.
    pub(super) fn count(&self) -> usize {
        self.next
    }
}
