//! One of several, by chance or by a measure.

use crate::config::{Capacity, Deployment};

/// By chance: by their weights, or else by their requests, or tokens, a minute, if all of them say so; else alike.
pub(super) fn by_weight(among: &[usize], deployments: &[Deployment], chance: f64) -> usize {
    let shares = |share: &dyn Fn(&Capacity) -> Option<f64>| -> Option<Vec<f64>> {
        let shares = among.iter().map(|at| share(&deployments[*at].capacity));
        shares.collect()
    };
    let has_weight = |at: &usize| deployments[*at].capacity.weight.is_some();
    let shares = match among.iter().any(has_weight) {
        // Beside weights, one without has the weight 1.
        true => shares(&|c| Some(c.weight.unwrap_or(1.0))),
        false => {
            shares(&|c| c.rpm.map(|n| n as f64)).or_else(|| shares(&|c| c.tpm.map(|n| n as f64)))
        }
    };
    let shares = shares.unwrap_or_else(|| vec![1.0; among.len()]);
    let sum: f64 = shares.iter().sum();
    // All are to have nothing, and one has to do it.
    if sum <= 0.0 {
        return among[alike(among.len(), chance)];
    }
    let mut left = chance.clamp(0.0, 1.0) * sum;
    for (at, share) in among.iter().zip(&shares) {
        if left < *share {
            return *at;
        }
        left -= share;
    }
    // The sum was rounded.
    let last = among.iter().zip(&shares).rfind(|(_, share)| **share > 0.0);
    last.map_or(among[0], |(at, _)| *at)
}

/// The one with the least measure; by chance, where several have it.
pub(super) fn least(among: &[usize], chance: f64, measure: impl Fn(usize) -> f64) -> usize {
    let measures: Vec<f64> = among.iter().map(|at| measure(*at)).collect();
    let least = measures.iter().copied().fold(f64::INFINITY, f64::min);
    let best: Vec<usize> = among
        .iter()
        .zip(&measures)
        .filter(|(_, measure)| **measure <= least)
        .map(|(at, _)| *at)
        .collect();
    match best.is_empty() {
        true => among[alike(among.len(), chance)],
        false => best[alike(best.len(), chance)],
    }
}

fn alike(n: usize, chance: f64) -> usize {
    ((chance.clamp(0.0, 1.0) * n as f64) as usize).min(n - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClientConfig;
    use serde_json::{Value, json};

    fn deployments(params: &[Value]) -> Vec<Deployment> {
        let list: Vec<Value> = params
            .iter()
            .map(|more| {
                let mut params = json!({"model":"triton/m","api_base":"http://h"});
                params
                    .as_object_mut()
                    .unwrap()
                    .extend(more.as_object().unwrap().clone());
                json!({"model_name":"m","mishikallm_params":params})
            })
            .collect();
        ClientConfig::read(&json!({"model_list":list}).to_string())
            .unwrap()
            .deployments
    }

    fn shares(deployments: &[Deployment]) -> Vec<usize> {
        let among: Vec<usize> = (0..deployments.len()).collect();
        let mut counts = vec![0; among.len()];
        for i in 0..1000 {
            counts[by_weight(&among, deployments, i as f64 / 1000.0)] += 1;
        }
        counts
    }

    #[test]
    fn weights_are_shares() {
        assert_eq!(shares(&deployments(&[json!({}), json!({})])), [500, 500]);
        assert_eq!(
            shares(&deployments(&[json!({"weight":3}), json!({})])),
            [750, 250]
        );
        assert_eq!(
            shares(&deployments(&[json!({"weight":0}), json!({"weight":1})])),
            [0, 1000]
        );
        assert_eq!(
            shares(&deployments(&[json!({"rpm":900}), json!({"rpm":100})])),
            [900, 100]
        );
        // One that says nothing of its requests has no share that could be told.
        assert_eq!(
            shares(&deployments(&[json!({"rpm":900}), json!({})])),
            [500, 500]
        );
        assert_eq!(
            shares(&deployments(&[json!({"weight":0}), json!({"weight":0})])),
            [500, 500]
        );
    }

    #[test]
    fn the_least_is_taken_and_equals_share() {
        let measure = [2.0, 1.0, 1.0];
        let all = [0, 1, 2];
        assert_eq!(least(&all, 0.0, |at| measure[at]), 1);
        assert_eq!(least(&all, 0.99, |at| measure[at]), 2);
        assert_eq!(least(&all, 1.0, |_| f64::NAN), 2);
    }
}
