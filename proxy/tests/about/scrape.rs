//! What Prometheus makes of `/metrics`: families, their help and type, and samples with labels.

use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Longer than any request needs to be counted.
const GIVE_UP: Duration = Duration::from_secs(30);

/// One family.
#[derive(Debug, Default)]
pub struct Family {
    help: Option<String>,
    kind: Option<String>,
}

/// One line with a value: its name, its labels as they stand, and the value.
#[derive(Debug)]
pub struct Sample {
    pub name: String,
    pub labels: Vec<(String, String)>,
    pub value: f64,
}

/// All of it.
#[derive(Debug)]
pub struct Scrape {
    pub text: String,
    pub families: BTreeMap<String, Family>,
    pub samples: Vec<Sample>,
}

/// What the proxy tells now.
pub fn scrape(proxy: &Proxy) -> Scrape {
    let answer = send(proxy, "GET", "/metrics");
    assert_eq!(answer.status, 200);
    let kind = &answer.headers["content-type"];
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    Scrape::read(answer.text())
}

/// The same, as soon as it is as it should be: a request is counted when its last byte is out.
pub fn scrape_until(proxy: &Proxy, what: &str, is_there: impl Fn(&Scrape) -> bool) -> Scrape {
    let until = Instant::now() + GIVE_UP;
    loop {
        let scrape = scrape(proxy);
        if is_there(&scrape) {
            return scrape;
        }
        assert!(Instant::now() < until, "no {what} in\n{}", scrape.text);
        std::thread::yield_now();
    }
}

/// The same, as soon as so many requests to models are counted.
pub fn scrape_of(proxy: &Proxy, requests: f64) -> Scrape {
    scrape_until(proxy, "count", |scrape| {
        scrape.sum("mishikallm_requests_total", &[]) >= requests
    })
}

impl Scrape {
    /// Reads it, and holds it to the format.
    pub fn read(text: String) -> Scrape {
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut samples = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect("a help has words");
                let family = families.entry(name.to_owned()).or_default();
                assert_eq!(family.help.replace(help.to_owned()), None, "{line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a type is named");
                let family = families.entry(name.to_owned()).or_default();
                assert_eq!(family.kind.replace(kind.to_owned()), None, "{line}");
            } else {
                samples.push(Sample::read(line));
            }
        }
        let scrape = Scrape {
            text,
            families,
            samples,
        };
        scrape.check();
        scrape
    }

    /// Names as Prometheus' conventions have them, help and type for each family, and nothing empty or twice.
    fn check(&self) {
        let mut seen = BTreeSet::new();
        for sample in &self.samples {
            let key = (&sample.name, &sample.labels);
            assert!(seen.insert(key), "twice: {sample:?}");
            let family = self.family_of(sample);
            assert!(self.families.contains_key(family), "no type: {sample:?}");
        }
        for (name, family) in &self.families {
            assert!(name.starts_with("mishikallm_"), "{name}");
            assert!(family.help.is_some(), "no help: {name}");
            let of_it = || self.samples.iter().filter(|s| self.family_of(s) == name);
            assert!(of_it().count() > 0, "{name} has no series");
            match family.kind.as_deref() {
                Some("counter") => assert!(name.ends_with("_total"), "{name}"),
                Some("gauge") => assert!(!name.ends_with("_total"), "{name}"),
                Some("histogram") => {
                    assert!(name.ends_with("_seconds"), "{name}");
                    let counts = of_it().filter(|s| s.name.ends_with("_count"));
                    for count in counts {
                        assert!(count.value > 0.0, "empty: {count:?}");
                        let last = of_it().find(|s| {
                            s.label("le") == Some("+Inf") && s.labels.starts_with(&count.labels)
                        });
                        assert_eq!(last.expect("a last bucket").value, count.value);
                    }
                }
                other => panic!("{name} is of the type {other:?}"),
            }
        }
    }

    fn family_of<'a>(&self, sample: &'a Sample) -> &'a str {
        let parts = ["_bucket", "_sum", "_count"].into_iter();
        let mut bare = parts.filter_map(|part| sample.name.strip_suffix(part));
        let bare = bare.find(|name| self.families.contains_key(*name));
        bare.unwrap_or(&sample.name)
    }

    /// Of a name, the samples that have all these labels.
    pub fn of<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&str, &str)],
    ) -> impl Iterator<Item = &'a Sample> {
        self.samples.iter().filter(move |sample| {
            let has = |(label, value): &(&str, &str)| sample.label(label) == Some(value);
            sample.name == name && labels.iter().all(has)
        })
    }

    /// The sum of their values.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.of(name, labels).map(|sample| sample.value).sum()
    }

    /// Whether there is any.
    pub fn has(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.of(name, labels).next().is_some()
    }
}

impl Sample {
    fn read(line: &str) -> Sample {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let value = value.parse().expect("a number");
        let (name, labels) = match series.split_once('{') {
            None => (series, ""),
            Some((name, labels)) => (name, labels.strip_suffix('}').expect("a brace")),
        };
        // No test has a name with a comma in it.
        let labels = labels.split(',').filter(|label| !label.is_empty());
        let labels = labels.map(|label| {
            let (name, value) = label.split_once('=').expect("a label");
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            (name.to_owned(), value.expect("quotes").to_owned())
        });
        Sample {
            name: name.to_owned(),
            labels: labels.collect(),
            value,
        }
    }

    pub fn label(&self, name: &str) -> Option<&str> {
        let label = self.labels.iter().find(|(label, _)| label == name);
        label.map(|(_, value)| value.as_str())
    }
}
