//! Human resources: who works where and for whom, as full extracts of each quarter of 2025.
//!
//! The extracts begin with a byte order mark and differ by known changes: joiners, leavers, promotions and a pay round.

use std::collections::BTreeMap;

use rand::Rng;

use super::chance::{pick, stream};
use super::company::{Company, REGIONS};
use super::sink::Sink;
use crate::error::Result;

/// The dates of the extracts.
const EXTRACTS: [&str; 4] = ["2025-01-01", "2025-04-01", "2025-07-01", "2025-10-01"];
/// Regular staff of a store, its manager aside. One more place is used by joiners.
const STAFF: usize = 6;
/// Numbers of store staff begin here, ten to a store.
const STORES_FROM: usize = 1000;
/// Office staff of a department.
const OFFICE: usize = 8;

/// A department, its vice president's title and the department above.
struct Department {
    id: &'static str,
    name: &'static str,
    head_title: &'static str,
}

const DEPARTMENTS: [Department; 7] = [
    Department { id: "D00", name: "Executive Board", head_title: "Chief Executive" },
    Department { id: "D10", name: "Sales", head_title: "Vice President Sales" },
    Department { id: "D20", name: "Supply Chain", head_title: "Vice President Supply Chain" },
    Department { id: "D30", name: "Marketing", head_title: "Vice President Marketing" },
    Department { id: "D40", name: "Finance", head_title: "Vice President Finance" },
    Department { id: "D50", name: "People", head_title: "Vice President People" },
    Department { id: "D60", name: "Technology", head_title: "Vice President Technology" },
];

/// The employee who leads a department: the chief executive for 0, a vice president for the others.
pub(super) fn head(department: usize) -> String {
    employee(department + 1)
}

/// The manager of a sales region.
pub(super) fn regional_manager(region: usize) -> String {
    employee(20 + region)
}

/// The manager of a store.
pub(super) fn store_manager(store: usize) -> String {
    employee(STORES_FROM + store * 10)
}

fn employee(number: usize) -> String {
    format!("E{number:06}")
}

/// Writes the departments and the four extracts of employees.
pub(super) fn write(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    departments(sink)?;
    employees(company, sink)
}

const BYTE_ORDER_MARK: &str = "\u{feff}";

fn departments(sink: &mut Sink<'_>) -> Result<()> {
    let mut rows = sink.create("hr.departments", "hr/departments.csv")?;
    rows.text(&format!("{BYTE_ORDER_MARK}DepartmentId,Name,ParentId,HeadId,CostCentre\n"))?;
    for (number, department) in DEPARTMENTS.iter().enumerate() {
        let parent = if number == 0 { "" } else { DEPARTMENTS[0].id };
        let (id, name) = (department.id, department.name);
        rows.row(&format!("{id},{name},{parent},{},{}", head(number), 1000 + number * 100))?;
    }
    sink.close(rows)
}

fn employees(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    const RELATION: &str = "hr.employees";
    let mut versions = 0;
    let mut before: BTreeMap<usize, String> = BTreeMap::new();
    for (extract, date) in EXTRACTS.iter().enumerate() {
        let mut rows = sink.create(RELATION, &format!("hr/employees/employees_{date}.csv"))?;
        rows.text(&format!(
            "{BYTE_ORDER_MARK}EmployeeId,FirstName,LastName,Email,JobTitle,DepartmentId,ManagerId,StoreId,HiredOn,SalaryEUR\n"
        ))?;
        let mut current = BTreeMap::new();
        for number in numbers(company.stores.len()) {
            if let Some(place) = place(company, number, extract) {
                let line = line(company, number, &place, extract);
                rows.row(&line)?;
                versions += u64::from(before.get(&number) != Some(&line));
                current.insert(number, line);
            }
        }
        before = current;
        sink.close(rows)?;
    }
    sink.hold(RELATION, versions);
    Ok(())
}

/// All employee numbers there ever were, ascending.
fn numbers(stores: usize) -> impl Iterator<Item = usize> {
    let offices =
        (1..DEPARTMENTS.len()).flat_map(|department| (1..=OFFICE).map(move |n| 100 + department * 10 + n));
    let shops = (0..stores).flat_map(|store| (0..=STAFF + 1).map(move |n| STORES_FROM + store * 10 + n));
    (1..=DEPARTMENTS.len()).chain(20..20 + REGIONS.len()).chain(offices).chain(shops)
}

/// Where somebody stands in the organisation.
struct Place {
    title: String,
    department: usize,
    manager: Option<String>,
    store: Option<usize>,
    /// Euros a year.
    salary: u32,
}

/// The place of an employee at the time of an extract; none before joining and after leaving.
fn place(company: &Company, number: usize, extract: usize) -> Option<Place> {
    if number >= STORES_FROM {
        return store_place(company, (number - STORES_FROM) / 10, (number - STORES_FROM) % 10, extract);
    }
    // The pay round of April: three per cent for the offices.
    let raised = |salary: u32| if extract >= 1 { salary * 103 / 100 } else { salary };
    let place = match number {
        1..=7 => Place {
            title: DEPARTMENTS[number - 1].head_title.into(),
            department: number - 1,
            manager: (number > 1).then(|| head(0)),
            store: None,
            salary: if number == 1 { 310_000 } else { 190_000 },
        },
        20..100 => Place {
            title: format!("Regional Manager {}", REGIONS[number - 20].country),
            department: 1,
            manager: Some(head(1)),
            store: None,
            salary: raised(95_000),
        },
        _ => {
            let department = (number - 100) / 10;
            Place {
                title: format!("{} Specialist", DEPARTMENTS[department].name),
                department,
                manager: Some(head(department)),
                store: None,
                salary: raised(52_000 + 900 * (number % 10) as u32),
            }
        }
    };
    Some(place)
}

fn store_place(company: &Company, store: usize, slot: usize, extract: usize) -> Option<Place> {
    // In every fourth store the last of the staff leaves in the course of the year and somebody new joins.
    let changes_at = 1 + store % 3;
    let replaced = store.is_multiple_of(4) && extract >= changes_at;
    if (slot == STAFF && replaced) || (slot == STAFF + 1 && !replaced) {
        return None;
    }
    let promoted = slot == 1 && store.is_multiple_of(3) && extract >= changes_at;
    let (title, salary) = match slot {
        0 => ("Store Manager", 58_000),
        1 if promoted => ("Deputy Store Manager", 44_000),
        _ => ("Sales Assistant", 31_000 + 300 * slot as u32),
    };
    Some(Place {
        title: title.into(),
        department: 1,
        manager: Some(if slot == 0 {
            regional_manager(company.stores[store].region)
        } else {
            store_manager(store)
        }),
        store: Some(store),
        salary,
    })
}

fn line(company: &Company, number: usize, place: &Place, extract: usize) -> String {
    const FIRST: [&str; 14] = [
        "Anna", "Bjarne", "Céline", "Dorota", "Erik", "Femke", "Gavin", "Hanna", "Ivo", "Jürgen", "Katja",
        "Lars", "Mieke", "Nils",
    ];
    const LAST: [&str; 14] = [
        "Ahlström",
        "Becker",
        "Clarke",
        "de Vries",
        "Eriksson",
        "Fuchs",
        "Górski",
        "Hughes",
        "Iversen",
        "Jung",
        "Kaczmarek",
        "Lindholm",
        "Meijer",
        "Novak",
    ];
    let mut rng = stream(company.seed, "employee", number);
    let (first, last) = (pick(&mut rng, &FIRST), pick(&mut rng, &LAST));
    let joiner = number >= STORES_FROM && (number - STORES_FROM) % 10 == STAFF + 1;
    let hired = if joiner {
        EXTRACTS[extract.min(1 + (number - STORES_FROM) / 10 % 3)].to_string()
    } else {
        format!("{}-{:02}-01", rng.gen_range(1998..=2024), rng.gen_range(1..=12))
    };
    format!(
        // The extract pads last names, as fixed-width systems do.
        "{},{first},{last:<12},{}@larkfield.example,{},{},{},{},{hired},{}",
        employee(number),
        employee(number).to_lowercase(),
        place.title,
        DEPARTMENTS[place.department].id,
        place.manager.clone().unwrap_or_default(),
        place.store.map(|store| company.stores[store].id.clone()).unwrap_or_default(),
        place.salary,
    )
}
