//! What a configuration that is read again changes of the log.

use super::{calls, config, holds_no_key, log, requests, start, upstream};
use serde_json::{Value, json};

#[test]
fn a_configuration_that_is_read_again_changes_the_log() {
    let upstream = upstream();
    let proxy = start(&upstream, &[], json!({}));
    calls(&proxy);
    let more = json!({"mishikallm_settings": {"json_logs": true, "set_verbose": true}});
    proxy.reload(&config(&upstream, more));
    log(&proxy, "reload", |log| log.contains("holds from now on"));
    let ids = calls(&proxy);
    let log = log(&proxy, "three lines", |log| requests(log).len() == 3);
    for (line, id) in requests(&log).into_iter().zip(&ids) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["call"], **id, "{line}");
    }
    holds_no_key(&log);
}
