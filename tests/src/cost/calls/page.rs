//! The figures as a page.

use super::{
    kind::{Kind, State},
    measure::Figures,
    room::BYTES,
};
use crate::cost::{measure::median, page::machine};
use std::{collections::BTreeMap, fmt::Write as _};

/// The page.
pub fn page(figures: &Figures) -> String {
    let [left_out, all] = figures.left_out;
    let mut page = format!(
        "# Cost of a call\n\n\
         Written by `cargo xtask bench calls` with {}.\n\n\
         What a system call of a build pays for being watched. The detector looks at every call of the machine, and at little of it \
         before a process of a job has read a secret: so the calls are made before and after that, in enforce, under the builtin \
         policy.\n\n\
         - *outside*: a process of no job, while one runs.\n\
         - *job*: a process of the job that holds nothing.\n\
         - *holder*: the process of the job that has read a credential file. What it does to files, pipes and connections is followed, \
         and its connects are recorded.\n\n\
         Each process has files, pipes and connections of its own, and stays on one CPU. A call moves {BYTES} bytes. Each figure is the median over the runs.\n",
        machine()
    );
    _ = write!(
        page,
        "\n## In the detector's programs\n\n\
         Nanoseconds of a call, of all of the programs together, and how often they ran for it. The kernel counts both itself (BPF \
         statistics). That it does so is among the time: two readings of the clock for each run. Of the rounds, those count in which the \
         programs ran least often, at least a tenth: they run for others of the machine, too. Left out were {left_out} of {all}.\n\n"
    );
    head(&mut page, "runs");
    for kind in kinds() {
        let runs = State::ALL.map(|state| of(&figures.runs, &(state, kind))).into_iter().fold(f64::INFINITY, f64::min);
        _ = write!(page, "| {} | {runs:.1} |", kind.title());
        for state in State::ALL {
            _ = write!(page, " {:.0} |", of(&figures.programs, &(state, kind)));
        }
        page.push('\n');
    }
    let [beside, runs] = figures.beside;
    _ = write!(
        page,
        "\nThe row of `/bin/true` has the calls of that program and of its loader in it, too.\n\n## The call as a whole\n\n\
         Nanoseconds without a detector, and how many times that with one. The time is that of a clock, with BPF statistics off, and \
         the way into the tracepoints and hooks is among it: of the rounds of a run the first decile, as in others something else had the \
         CPU. Each is compared with the same calls before the start and after the end of the same run of the detector. Runs beside which another detector was on the machine are left out here: {beside} of {runs}.\n\n"
    );
    head(&mut page, "without, ns");
    for kind in kinds() {
        _ = write!(page, "| {} | {:.0} |", kind.title(), of(&figures.bare, &kind));
        for state in State::ALL {
            _ = write!(page, " {:.2} |", of(&figures.ratios, &(state, kind)));
        }
        page.push('\n');
    }
    page
}

fn kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| *kind != Kind::Nothing)
}

fn of<K: Ord>(samples: &BTreeMap<K, Vec<f64>>, key: &K) -> f64 {
    samples.get(key).map_or(f64::NAN, |samples| median(samples))
}

fn head(page: &mut String, first: &str) {
    _ = write!(page, "| call | {first} |");
    for state in State::ALL {
        _ = write!(page, " {} |", state.title());
    }
    _ = writeln!(page, "\n|---|---:{}|", "|---:".repeat(State::ALL.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_kind_and_a_column_for_each_state() {
        let mut figures = Figures { left_out: [3, 40], ..Figures::default() };
        for kind in kinds() {
            figures.bare.insert(kind, vec![90.0, 110.0, 100.0]);
            for (n, state) in State::ALL.into_iter().enumerate() {
                let n = n as f64;
                figures.runs.insert((state, kind), vec![2.0 + n]);
                figures.programs.insert((state, kind), vec![n * 100.0]);
                figures.ratios.insert((state, kind), vec![1.0 + n / 4.0]);
            }
        }
        let page = page(&figures);
        assert!(page.contains("\n| getpid | 2.0 | 0 | 100 | 200 | 300 | 400 |\n"), "{page}");
        assert!(page.contains("\n| getpid | 100 | 1.00 | 1.25 | 1.50 | 1.75 | 2.00 |\n"), "{page}");
        assert!(page.contains("Left out were 3 of 40."), "{page}");
        let rows = page.lines().filter(|line| line.starts_with("| ")).count();
        assert_eq!(rows, 2 * (1 + kinds().count()), "{page}");
        assert!(!page.contains("NaN"), "{page}");
    }
}
