//! What a Triton says of its own load.

/// How much one model of one server has to do, as far as it tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Requests that wait for their turn: `nv_inference_pending_request_count`, or made of how long they waited lately.
    pub pending: f64,
    /// How much of the KV cache is in use, 0 to 1: `kv_cache_utilization` of `endpoint-load-metrics`.
    pub kv_cache: f64,
}

impl Load {
    /// One number for both. A cache that is nearly full makes requests wait before any queue shows it.
    pub(super) fn measure(self) -> f64 {
        self.pending + self.kv_cache / (1.05 - self.kv_cache.clamp(0.0, 1.0))
    }
}
