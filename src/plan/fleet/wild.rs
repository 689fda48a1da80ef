//! Deployments with a `*`: which models they stand for, once a server has told what it has.

use super::Fleet;
use super::names::{Group, covered};
use crate::triton::endpoint::Route;
use std::sync::Arc;

impl Fleet {
    /// One deployment, as what its own entry of the list stands for.
    pub fn alone(&self, at: usize) -> Option<Group> {
        let d = self.config.deployments.get(at)?;
        Some(Group::of_one(&Arc::from(d.model_name.as_str()), at))
    }

    /// The same of a deployment with a `*`, for one model that its pattern covers; `None`: it covers no such model.
    pub fn alone_for(&self, at: usize, model: &str) -> Option<Group> {
        let star = covered(&self.config.deployments.get(at)?.model, model)?;
        Some(self.alone(at)?.with_star(star))
    }

    /// Whether a deployment stands for all models of a server, which alone can tell which those are. A URL that names one model
    /// leads to that model whatever the request calls it.
    pub fn serves_all(&self, at: usize) -> bool {
        let Some(d) = self.config.deployments.get(at) else {
            return false;
        };
        let (own, default) = (&d.options, &self.config.defaults);
        let base = own.api_base.as_deref().or(default.api_base.as_deref());
        let route = Route::new(base, "-", &own.triton);
        d.model.contains('*') && route.is_ok_and(|route| route.serves_all())
    }

    /// The names under which requests reach a server's models through a deployment with a `*`. `models` are the server's, as
    /// `triton/NAME`. A model whose name leads to other deployments is not among them.
    pub fn expand<'a>(&self, at: usize, models: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let Some(d) = self.config.deployments.get(at) else {
            return Vec::new();
        };
        let public = |model: &str| {
            let star = covered(&d.model, model)?;
            let name = d.model_name.replacen('*', star, 1);
            let leads_here = self.group(&name)?.members().contains(&at);
            leads_here.then_some(name)
        };
        models.into_iter().filter_map(public).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClientConfig;
    use crate::plan::resources::Nothing;
    use serde_json::{Value, json};

    fn fleet(list: &Value) -> Fleet {
        let config = ClientConfig::read(&json!({"model_list": list}).to_string()).unwrap();
        Fleet::new(config, Box::new(Nothing)).unwrap()
    }

    fn entry(name: &str, model: &str, base: &str) -> Value {
        json!({"model_name":name,"mishikallm_params":{"model":model,"api_base":base}})
    }

    #[test]
    fn a_star_is_every_model_that_its_pattern_covers() {
        let fleet = fleet(&json!([
            entry("triton/*", "triton/*", "http://h"),
            entry("own/*-chat", "triton/*", "http://h/v2"),
            entry("small-*", "triton/llama-*", "http://h"),
            entry("all-*", "triton/one", "http://h"),
            entry("triton/b", "triton/other", "http://i"),
        ]));
        let has = ["triton/a", "triton/b", "triton/llama-1b"];
        assert_eq!(fleet.expand(0, has), ["triton/a", "triton/llama-1b"]);
        assert_eq!(
            fleet.expand(1, has),
            ["own/a-chat", "own/b-chat", "own/llama-1b-chat"]
        );
        assert_eq!(fleet.expand(2, has), ["small-1b"]);
        // Which names that stands for nobody can tell.
        assert_eq!(fleet.expand(3, has), [""; 0]);
        assert_eq!(fleet.expand(9, has), [""; 0]);
    }

    #[test]
    fn one_model_behind_a_star() {
        let fleet = fleet(&json!([entry("own/*", "triton/llama-*", "http://h")]));
        let group = fleet.alone_for(0, "triton/llama-1b").unwrap();
        assert_eq!(group.target("triton/llama-*"), "triton/llama-1b");
        assert_eq!(group.entry().as_ref(), "own/*");
        assert_eq!(group.members(), [0]);
        assert!(fleet.alone_for(0, "triton/qwen").is_none());
        assert!(fleet.alone_for(1, "triton/llama-1b").is_none());
    }

    #[test]
    fn a_url_that_names_a_model_stands_for_that_one() {
        for (model, base, all) in [
            ("triton/*", "http://h", true),
            ("triton/*", "http://h/v2/", true),
            ("triton/*", "http://h/v2/models/m", false),
            ("triton/*", "http://h/v2/models/m/generate", false),
            ("triton/*", "http://gateway/generate", false),
            ("triton/m", "http://h", false),
        ] {
            let fleet = fleet(&json!([entry("*", model, base)]));
            assert_eq!(fleet.serves_all(0), all, "{model} at {base}");
        }
    }
}
