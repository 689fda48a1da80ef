//! The script that starts Triton, where Triton does not start: `starting.py` tells.

use super::toolchain::{repository, succeed};
use std::process::Command;

#[test]
fn a_crash_is_tried_again_and_a_broken_model_is_not() {
    let said = succeed(&mut Command::new(repository("tests/triton/starting.py")));
    assert!(said.ends_with("all is well\n"), "{said}");
}
