//! What a call takes: how much at most, before it begins, and how much by now.

use super::Call;
use crate::openai::response::Usage;
use crate::plan::asking::Asking;
use crate::plan::length::{self, Bound};

impl Call {
    /// What it takes at most of the model that is asked first, before anything is sent: of another, after a fallback, it is the same request
    /// with other parameters maybe.
    pub fn bound(&self) -> Bound {
        if let Some(usage) = self.work.mocked() {
            return Bound {
                choices: 1,
                most_completion_tokens: usage.completion_tokens,
                ..Bound::default()
            };
        }
        let asking = self.work.asking();
        asking.map_or_else(Bound::default, |asking| length::bound(asking.tasks()))
    }

    /// What servers have done for it by now, as far as can be known: beside [`Call::used`], of what is under way or broke off the tokens of
    /// the prompt, and of the text that has come. Tries that failed before another one are not in it, nor is an ask that failed with nothing
    /// come of it. A mock counts as if somebody had been asked. `None`: nothing was done, or nothing that is counted in tokens.
    pub fn spent_so_far(&self) -> Option<Usage> {
        match self.work.mocked() {
            Some(usage) => Some(usage),
            None => self.work.asking().and_then(Asking::spent_so_far),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClientConfig;
    use crate::error::Error;
    use crate::json;
    use crate::openai::Operation;
    use crate::plan::call::{Env, Event, Manner, Todo};
    use crate::plan::fleet::Fleet;
    use crate::plan::resources::Nothing;
    use crate::triton::exchange::Description;
    use crate::triton::model::tests::model;
    use crate::triton::reply::Reply;
    use serde_json::{Value, json};
    use std::sync::Arc;
    use std::time::Instant;

    fn call(operation: Operation, more: Value) -> Call {
        let mut request = json!({"model":"triton/llm","api_base":"http://h/x/generate"});
        let fields = request.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let fields = json::object("request_json", &request.to_string()).unwrap();
        let env = Env {
            unix_time: 7,
            id: "1".into(),
            random: 1,
            trace: None,
        };
        let fleet = Fleet::new(ClientConfig::default(), Box::new(Nothing)).unwrap();
        let (fleet, now) = (Arc::new(fleet), Instant::now());
        Call::new(operation, fields, &fleet, env, Manner::AsAsked, now).unwrap()
    }

    fn text(more: Value) -> Call {
        call(Operation::Text, more)
    }

    fn event(text: &str) -> String {
        format!("data: {}\n\n", json!({ "text_output": text }))
    }

    fn reply(status: u16, body: Value) -> Event<'static> {
        Event::Replied(Reply {
            status,
            body: body.to_string().into_bytes(),
            ..Default::default()
        })
    }

    /// Tokens of prompts and of answers.
    fn spent(call: &Call) -> Option<(u64, u64)> {
        let spent = call.spent_so_far()?;
        Some((spent.prompt_tokens, spent.completion_tokens.unwrap_or(0)))
    }

    #[test]
    fn of_a_stream_that_is_given_up_the_prompt_counts_and_the_text_that_came() {
        let mut c = text(json!({"prompt":"12345","stream":true}));
        assert_eq!(spent(&c), None);
        c.step(Event::Start).unwrap();
        // The server is at work on the prompt.
        assert_eq!(spent(&c), Some((2, 0)));
        c.step(Event::Opened).unwrap();
        assert_eq!(spent(&c), Some((2, 0)));
        let bytes = event("abcd") + &event("efgh");
        c.step(Event::Arrived(bytes.as_bytes())).unwrap();
        assert_eq!(spent(&c), Some((2, 1)));
        c.step(Event::Next).unwrap();
        assert_eq!(spent(&c), Some((2, 2)));
        assert!(c.spent_so_far().unwrap().estimated);
        // It is no answer yet.
        assert_eq!(c.used(), None);
    }

    #[test]
    fn the_servers_word_counts_where_it_has_told_some() {
        let mut c = text(json!({"prompt":"12345","stream":true}));
        c.step(Event::Start).unwrap();
        c.step(Event::Opened).unwrap();
        let told = json!({"text_output":"abcd","num_input_tokens":9,"num_output_tokens":[3]});
        let bytes = format!("data: {told}\n\n");
        c.step(Event::Arrived(bytes.as_bytes())).unwrap();
        assert_eq!(c.spent_so_far(), Some(Usage::completion(9, 3, false)));
    }

    #[test]
    fn a_stream_that_breaks_in_the_middle_was_worked_on() {
        let mut c = text(json!({"prompt":"12345","stream":true}));
        c.step(Event::Start).unwrap();
        c.step(Event::Opened).unwrap();
        c.step(Event::Arrived(event("abcd").as_bytes())).unwrap();
        c.step(Event::Next).unwrap();
        c.step(Event::Failed(Error::cut("it broke"))).unwrap_err();
        assert_eq!(spent(&c), Some((2, 1)));
    }

    #[test]
    fn when_it_is_over_it_is_what_was_used() {
        for streams in [true, false] {
            let mut c = text(json!({"prompt":"12345","stream":streams}));
            c.step(Event::Start).unwrap();
            match streams {
                true => {
                    c.step(Event::Opened).unwrap();
                    c.step(Event::Arrived(event("abcd").as_bytes())).unwrap();
                    c.step(Event::Next).unwrap();
                    c.step(Event::Ended).unwrap();
                }
                false => drop(c.step(reply(200, json!({"text_output":"abcd"}))).unwrap()),
            }
            assert_eq!(spent(&c), Some((2, 1)));
            assert_eq!(c.spent_so_far(), c.used());
        }
    }

    #[test]
    fn what_failed_with_nothing_come_of_it_counts_for_nothing() {
        for failure in [
            Event::Failed(Error::connect("refused")),
            Event::Failed(Error::deadline("too late")),
            reply(400, json!({"error":"no"})),
            reply(503, json!({"error":"busy"})),
        ] {
            let mut c = text(json!({"prompt":"12345"}));
            c.step(Event::Start).unwrap();
            c.step(failure).unwrap_err();
            assert_eq!(spent(&c), None);
        }
    }

    #[test]
    fn each_prompt_counts_when_it_is_answered_or_asked() {
        let mut c = text(json!({"prompt":["12345","1","1"]}));
        c.step(Event::Start).unwrap();
        assert_eq!(spent(&c), Some((2, 0)));
        c.step(reply(200, json!({"text_output":"abcd"}))).unwrap();
        assert_eq!(spent(&c), Some((2 + 1, 1)));
        // The third is sent before its turn.
        assert_eq!(c.ahead(4).len(), 1);
        assert_eq!(spent(&c), Some((2 + 1 + 1, 1)));
        c.step(reply(400, json!({"error":"no"}))).unwrap_err();
        assert_eq!(spent(&c), Some((2, 1)));
    }

    fn described(c: &mut Call, inputs: &str, output: &str) {
        let todo = c.step(Event::Start).unwrap();
        assert!(matches!(todo, Todo::Describe { .. }), "{todo:?}");
        let known = Description {
            model: Some(Arc::new(model(inputs, output, 1, false))),
            remembered: false,
        };
        let todo = c.step(Event::Described(known)).unwrap();
        assert!(matches!(todo, Todo::Send(_)), "{todo:?}");
    }

    #[test]
    fn the_prompt_of_further_choices_counts_once() {
        let mut c = text(json!({"prompt":"12345","n":3,"api_base":"http://h"}));
        described(&mut c, "text_input:BYTES[1]", "text_output:BYTES[1]");
        let answer = json!({"model_name":"llm","outputs":[{"name":"text_output","datatype":"BYTES","shape":[1,1],"data":["abcd"]}]});
        let todo = c.step(reply(200, answer)).unwrap();
        assert!(
            matches!(todo, Todo::Describe { .. } | Todo::Send(_)),
            "{todo:?}"
        );
        assert_eq!(spent(&c), Some((2, 1)));
    }

    #[test]
    fn inputs_of_embeddings_count_while_they_are_worked_on() {
        let more = json!({"input":["12345","1234"],"api_base":"http://h"});
        let mut c = call(Operation::Embeddings, more);
        assert_eq!(spent(&c), None);
        described(&mut c, "text:BYTES[1]", "embedding:FP32[1]");
        assert_eq!(spent(&c), Some((3, 0)));
        let failed = c.step(Event::Failed(Error::connect("refused")));
        failed.unwrap_err();
        assert_eq!(spent(&c), None);
    }

    #[test]
    fn a_mock_counts_as_what_its_answer_tells() {
        let c = text(json!({"prompt":"12345","mock_response":"abcdefgh"}));
        assert_eq!(c.bound().most_completion_tokens, Some(2));
        assert_eq!(spent(&c), Some((0, 2)));
    }

    #[test]
    fn what_has_no_tokens_has_spent_none() {
        let c = call(Operation::Health, json!({}));
        assert_eq!((c.spent_so_far(), c.bound()), (None, Bound::default()));
    }
}
