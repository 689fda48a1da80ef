//! A body of server-sent events.

use serde_json::Value;

/// The `data:` events in order, parsed; the last line is a string. Anything that is no such event is told.
pub fn read(body: &str) -> Result<Vec<Value>, String> {
    let mut events = Vec::new();
    let Some(body) = body.strip_suffix("\n\n") else {
        return Err(format!("the stream does not end with an event: {body:?}"));
    };
    for event in body.split("\n\n") {
        // A comment keeps a connection alive.
        if event.lines().all(|line| line.starts_with(':')) {
            continue;
        }
        let data = event
            .strip_prefix("data: ")
            .filter(|data| !data.contains('\n'));
        let data = data.ok_or(format!("no event with one line of data: {event:?}"))?;
        events.push(match data {
            "[DONE]" => Value::from(data),
            json => serde_json::from_str(json).map_err(|why| format!("{why}: {json:?}"))?,
        });
    }
    Ok(events)
}
