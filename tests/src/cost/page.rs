//! The figures as a page.

use super::{
    measure::{Figures, median},
    size::Size,
};
use std::fmt::Write as _;

/// Rows of user space: name, what it is called, unit, how many of it make one.
const USER: [(&str, &str, &str, f64); 9] = [
    ("load", "reading and compiling the policy", "ms", 1e-3),
    ("tables", "making the kernel's tables of it", "ms", 1e-3),
    ("fill", "from the proof to the command: tables made and filled", "ms", 1e-3),
    ("ready", "from the start to the command", "ms", 1e-3),
    ("peak resident", "peak resident", "MiB", 1_048_576.0),
    ("own", "of that its own (anonymous), at the end", "MiB", 1_048_576.0),
    ("HOSTS", "kernel memory: names", "MiB", 1_048_576.0),
    ("PLACES", "kernel memory: places", "MiB", 1_048_576.0),
    ("DESTINATIONS", "kernel memory: networks", "MiB", 1_048_576.0),
];

/// The page of all sizes; the first is what others are compared with.
pub fn page(all: &[(Size, Figures)]) -> String {
    let mut page = String::new();
    let left_out: usize = all.iter().map(|(_, figures)| figures.left_out).sum();
    heading(&mut page, left_out);
    page.push_str("\n## In the kernel\n\nNanoseconds of a call, and how many times that of the least policy.\n\n");
    kernel(&mut page, all, 0);
    page.push_str(
        "\nThat is the first decile of the rounds of a run. A connect of a holder is recorded, and whether the record finds its reader \
         awake or has to wake it (an interrupt) has nothing to do with the policy. With that, the median of the rounds:\n\n",
    );
    kernel(&mut page, all, 1);
    page.push_str(
        "\nNames are hashed. Networks are a trie, which is as deep as their prefixes have bits in common, whatever their number: at most \
         the bits of an address.\n",
    );
    page.push_str("\n## In user space, and memory\n\n");
    head(&mut page, all);
    for (row, title, unit, one) in USER {
        _ = write!(page, "| {title}, {unit} |");
        for (_, figures) in all {
            _ = write!(page, " {:.1} |", figures.user.get(row).map_or(f64::NAN, |samples| median(samples) / one));
        }
        page.push('\n');
    }
    page
}

/// Kernel and CPUs of this machine.
pub(super) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("unknown");
    format!("kernel {} on {cpus} CPUs ({model})", read("/proc/sys/kernel/osrelease").trim())
}

fn heading(page: &mut String, left_out: usize) {
    _ = write!(
        page,
        "# Cost\n\n\
         Written by `cargo xtask bench names` with {}.\n\n\
         What a policy of many names and networks costs a process that holds a secret. The detector runs with a policy of each size in \
         turn, again and again; each figure is the median over the runs. The kernel counts the time of its programs itself (BPF \
         statistics); what they go on with counts as theirs, and of a question and an answer the name server's own packet is among it. \
         Rounds in which a program ran for others of the machine, too, are left out: {left_out}.\n",
        machine()
    );
}

fn head(page: &mut String, all: &[(Size, Figures)]) {
    page.push_str("| names/networks |");
    for (size, _) in all {
        _ = write!(page, " {}/{} |", size.names, size.networks);
    }
    _ = writeln!(page, "\n|---{}|", "|---:".repeat(all.len()));
}

fn kernel(page: &mut String, all: &[(Size, Figures)], statistic: usize) {
    head(page, all);
    for row in all.first().into_iter().flat_map(|(_, least)| least.kernel[statistic].keys()) {
        let of = |figures: &Figures| figures.kernel[statistic].get(row).map_or(f64::NAN, |samples| median(samples));
        let values: Vec<_> = all.iter().map(|(_, figures)| of(figures)).collect();
        _ = write!(page, "| {row} |");
        for value in &values {
            _ = write!(page, " {value:.0} ({:.2}) |", value / values[0]);
        }
        page.push('\n');
    }
}
