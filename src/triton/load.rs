//! What a Triton tells of its load: by a model's statistics, or by its metrics in the words of Prometheus.
//!
//! Statistics are sums of time since the server began. The time that requests spent there between two readings, for each second in
//! between, is how many were there at once (Little's law). Metrics tell the number itself, and what the backends of LLMs know of
//! their queues and caches.

use serde::Deserialize;
use std::time::Duration;

/// How much one model of one server has to do, as far as it tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Requests that wait for their turn.
    pub pending: f64,
    /// Requests that are worked on.
    pub running: f64,
    /// How much of the KV cache is in use, 0 to 1.
    pub kv_cache: f64,
}

impl Load {
    /// One number for all. A cache that is nearly full makes requests wait before any queue shows it.
    pub fn measure(self) -> f64 {
        self.pending + self.running + self.kv_cache / (1.05 - self.kv_cache.clamp(0.0, 1.0))
    }

    /// Between this and a newer one, which counts for `share` of it.
    pub fn towards(self, newer: Load, share: f64) -> Load {
        let mix = |old: f64, new: f64| old + share * (new - old);
        Load {
            pending: mix(self.pending, newer.pending),
            running: mix(self.running, newer.running),
            kv_cache: newer.kv_cache,
        }
    }
}

/// Nanoseconds that requests spent at a server since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// In its queues.
    waited: u64,
    /// There at all.
    stayed: u64,
}

#[derive(Deserialize)]
struct Stats {
    model_stats: Vec<ModelStats>,
}

#[derive(Deserialize)]
struct ModelStats {
    inference_stats: InferenceStats,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct InferenceStats {
    success: Time,
    fail: Time,
    queue: Time,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Time {
    ns: u64,
}

impl Totals {
    /// Reads what `GET …/stats` answers, of all models and versions in it.
    pub fn read(body: &[u8]) -> Option<Totals> {
        let stats: Stats = serde_json::from_slice(body).ok()?;
        let mut totals = Totals::default();
        for model in &stats.model_stats {
            let times = &model.inference_stats;
            totals.waited = totals.waited.saturating_add(times.queue.ns);
            totals.stayed = totals.stayed.saturating_add(times.success.ns);
            totals.stayed = totals.stayed.saturating_add(times.fail.ns);
        }
        (!stats.model_stats.is_empty()).then_some(totals)
    }

    /// How many requests there were at once since an earlier reading. `None`: the server has begun anew, or no time has passed.
    pub fn since(self, before: Totals, passed: Duration) -> Option<Load> {
        let passed = passed.as_nanos() as f64;
        let waited = self.waited.checked_sub(before.waited)? as f64;
        let stayed = self.stayed.checked_sub(before.stayed)? as f64;
        (passed > 0.0).then(|| Load {
            pending: waited / passed,
            // A request that waited and then ran out of time is told as waiting alone.
            running: (stayed - waited).max(0.0) / passed,
            kv_cache: 0.0,
        })
    }
}

/// One line of metrics.
struct Sample<'a> {
    name: &'a str,
    labels: Vec<(&'a str, String)>,
    value: f64,
}

impl<'a> Sample<'a> {
    /// `name{label="value",…} 1.5 [time]`
    fn read(line: &'a str) -> Option<Sample<'a>> {
        let line = line.trim();
        let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
        let (name, mut rest) = line.split_at(end);
        let mut labels = Vec::new();
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside.trim_start();
            while !rest.starts_with('}') {
                let (label, value) = rest.split_once('=')?;
                let (text, after) = quoted(value.trim_start())?;
                labels.push((label.trim(), text));
                rest = after.trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            }
            rest = &rest[1..];
        }
        let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
        (!name.starts_with('#') && value.is_finite()).then_some(Sample {
            name,
            labels,
            value,
        })
    }

    fn label(&self, name: &str) -> Option<&str> {
        let mut labels = self.labels.iter();
        labels
            .find(|(label, _)| *label == name)
            .map(|(_, text)| text.as_str())
    }
}

/// A quoted text at the beginning, and what is behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &inside[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                other => out.push(other),
            },
            c => out.push(c),
        }
    }
    None
}

/// What a line says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Means {
    Pending,
    /// Of the backend's own queue, behind Triton's.
    Waiting,
    Running,
    CacheShare,
    CacheUsed,
    CacheMost,
}

const MEANINGS: [Means; 6] = [
    Means::Pending,
    Means::Waiting,
    Means::Running,
    Means::CacheShare,
    Means::CacheUsed,
    Means::CacheMost,
];

fn meaning(sample: &Sample<'_>) -> Option<Means> {
    Some(match sample.name {
        "nv_inference_pending_request_count" => Means::Pending,
        "vllm:num_requests_waiting" => Means::Waiting,
        "vllm:num_requests_running" => Means::Running,
        "vllm:gpu_cache_usage_perc" | "vllm:kv_cache_usage_perc" => Means::CacheShare,
        "nv_trt_llm_request_metrics" => match sample.label("request_type")? {
            "waiting" => Means::Waiting,
            "scheduled" => Means::Running,
            _ => return None,
        },
        "nv_trt_llm_kv_cache_block_metrics" => match sample.label("kv_cache_block_type")? {
            "fraction" => Means::CacheShare,
            "used" => Means::CacheUsed,
            "max" => Means::CacheMost,
            _ => return None,
        },
        _ => return None,
    })
}

/// Reads a page of metrics. `model`: whose load is asked for; `None`: all models'.
///
/// Where a number is told of other models alone, it is theirs: the work of an ensemble is done by a model of another name.
pub fn read_metrics(body: &[u8], model: Option<&str>) -> Option<Load> {
    let text = String::from_utf8_lossy(body);
    let told: Vec<(Means, Sample<'_>)> = text
        .lines()
        .filter_map(Sample::read)
        .filter_map(|sample| Some((meaning(&sample)?, sample)))
        .collect();
    let of = |means: Means| -> Vec<f64> {
        let all = || told.iter().filter(|(m, _)| *m == means);
        let is_ours = |sample: &Sample<'_>| sample.label("model").is_none_or(|m| Some(m) == model);
        let ours: Vec<f64> = all()
            .filter(|(_, sample)| is_ours(sample))
            .map(|(_, sample)| sample.value)
            .collect();
        match ours.is_empty() {
            true => all().map(|(_, sample)| sample.value).collect(),
            false => ours,
        }
    };
    let [pending, waiting, running, share, used, most] = MEANINGS.map(of);
    let is_told = [&pending, &waiting, &running, &share]
        .iter()
        .any(|values| !values.is_empty());
    let sum = |values: &[f64]| values.iter().sum::<f64>().max(0.0);
    let share = match share
        .into_iter()
        .fold(None, |a: Option<f64>, b| Some(a.map_or(b, |a| a.max(b))))
    {
        Some(share) => share,
        None if sum(&most) > 0.0 => sum(&used) / sum(&most),
        None => 0.0,
    };
    (is_told || !used.is_empty()).then(|| Load {
        pending: sum(&pending) + sum(&waiting),
        running: sum(&running),
        kv_cache: share.clamp(0.0, 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(queue: u64, success: u64) -> Totals {
        let body = format!(
            r#"{{"model_stats":[{{"name":"m","version":"1","inference_count":9,"inference_stats":{{
            "success":{{"count":3,"ns":{success}}},"fail":{{"count":0,"ns":0}},"queue":{{"count":3,"ns":{queue}}},
            "compute_infer":{{"count":3,"ns":1}}}},"batch_stats":[]}}]}}"#
        );
        Totals::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn time_spent_for_each_second_is_how_many_were_there() {
        const S: u64 = 1_000_000_000;
        let load = stats(7 * S, 12 * S)
            .since(stats(S, 2 * S), Duration::from_secs(2))
            .unwrap();
        assert_eq!((load.pending, load.running), (3.0, 2.0));
        let idle = stats(S, S).since(stats(S, S), Duration::from_secs(1));
        assert_eq!(idle, Some(Load::default()));
        // It was started again in between.
        assert_eq!(stats(1, 1).since(stats(2, 2), Duration::from_secs(1)), None);
        assert_eq!(stats(2, 2).since(stats(1, 1), Duration::ZERO), None);
    }

    #[test]
    fn all_versions_count() {
        let body = br#"{"model_stats":[
            {"inference_stats":{"success":{"ns":1},"queue":{"ns":2}}},
            {"inference_stats":{"success":{"ns":10},"queue":{"ns":20},"fail":{"ns":100}}}]}"#;
        assert_eq!(
            Totals::read(body),
            Some(Totals {
                waited: 22,
                stayed: 111
            })
        );
        for other in ["", "{}", "[]", r#"{"model_stats":[]}"#, r#"{"error":"no"}"#] {
            assert_eq!(Totals::read(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn tritons_own_queue_is_in_its_metrics() {
        let page = b"# HELP nv_inference_pending_request_count Instantaneous number\n\
            # TYPE nv_inference_pending_request_count gauge\n\
            nv_inference_pending_request_count{model=\"m\",version=\"1\"} 3\n\
            nv_inference_pending_request_count{model=\"m\",version=\"2\"} 1.0 1700000000000\n\
            nv_inference_pending_request_count{model=\"other\",version=\"1\"} 40\n\
            nv_cpu_utilization 0.5\n";
        assert_eq!(read_metrics(page, Some("m")).unwrap().pending, 4.0);
        assert_eq!(read_metrics(page, None).unwrap().pending, 44.0);
    }

    #[test]
    fn an_ensembles_work_is_told_under_another_name() {
        let page = b"nv_inference_pending_request_count{model=\"ensemble\",version=\"1\"} 0\n\
            nv_trt_llm_request_metrics{model=\"tensorrt_llm\",request_type=\"waiting\",version=\"1\"} 5\n\
            nv_trt_llm_request_metrics{model=\"tensorrt_llm\",request_type=\"scheduled\",version=\"1\"} 8\n\
            nv_trt_llm_request_metrics{model=\"tensorrt_llm\",request_type=\"max\",version=\"1\"} 512\n\
            nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"used\",model=\"tensorrt_llm\",version=\"1\"} 30\n\
            nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"max\",model=\"tensorrt_llm\",version=\"1\"} 40\n";
        let load = read_metrics(page, Some("ensemble")).unwrap();
        assert_eq!(
            load,
            Load {
                pending: 5.0,
                running: 8.0,
                kv_cache: 0.75
            }
        );
    }

    #[test]
    fn vllm_tells_by_its_own_names() {
        let page = b"vllm:num_requests_waiting{model_name=\"org/llama\",odd=\"a\\\"},b\"} 2.0\n\
            vllm:num_requests_running{model_name=\"org/llama\"} 6.0\n\
            vllm:gpu_cache_usage_perc{model_name=\"org/llama\"} 0.5\n";
        let load = read_metrics(page, Some("llama")).unwrap();
        assert_eq!((load.pending, load.running, load.kv_cache), (2.0, 6.0, 0.5));
    }

    #[test]
    fn a_page_that_tells_nothing_of_it_is_none() {
        for page in ["", "<html>", "nv_gpu_power 3\n", "x{a=\"b 1\n", "x{} NaN"] {
            assert_eq!(read_metrics(page.as_bytes(), None), None, "{page}");
        }
    }

    #[test]
    fn a_full_cache_weighs_more_than_a_queue() {
        let load = |pending, kv_cache| Load {
            pending,
            running: 0.0,
            kv_cache,
        };
        assert!(load(0.0, 0.99).measure() > load(10.0, 0.0).measure());
        assert!(load(0.0, 0.4).measure() < load(1.0, 0.0).measure());
    }
}
