//! A process of its own for a test that needs an environment of its own: the test's binary again, for that one test.

use std::process::{Child, Command, Stdio};

const MARK: &str = "MISHIKALLM_TEST_ALONE";

/// What would make the child's environment more than what the test says.
const AMBIENT: [&str; 9] = [
    "ALL_PROXY",
    "all_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
];

/// In the child, what the parent told it.
pub fn told() -> Option<String> {
    std::env::var(MARK).ok()
}

/// Starts the child for the test of this name.
pub fn start(test: &str, tell: &str, environment: &[(&str, &str)]) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    for name in AMBIENT {
        command.env_remove(name);
    }
    command
        .args(["--exact", test, "--nocapture"])
        .env(MARK, tell)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program again")
}

/// Waits for a child that has to succeed.
#[track_caller]
pub fn succeeds(child: Child) {
    let output = child.wait_with_output().expect("the child's output");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

/// Runs the test of this name in a child, which has to succeed.
#[track_caller]
pub fn run(test: &str, tell: &str, environment: &[(&str, &str)]) {
    succeeds(start(test, tell, environment));
}
