//! The table of exit codes, which scripts rely on.

use crate::workdir::Workdir;

#[test]
fn the_table_is_what_was_promised() {
    let workdir = Workdir::empty();
    let document = workdir.run(&["exit-codes", "--json"]).is(0).document();
    let codes = document["codes"].as_array().expect("codes");
    let numbers: Vec<u64> = codes.iter().map(|line| line["code"].as_u64().expect("a number")).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 10, 11, 13, 14, 20, 130, 143]);
    // The help has the same lines.
    let help = workdir.run(&["--help"]).is(0);
    for line in codes {
        let line = format!("{:>5}  {}", line["code"], line["meaning"].as_str().expect("text"));
        assert!(help.stdout.contains(&line), "{line}");
    }
}
