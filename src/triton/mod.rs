//! Triton's wire, sans-IO: what to send where, and what came back. No sockets, no clocks, no threads.
//!
//! Sources: the KServe v2 protocol with Triton's extensions for generate, binary tensor data, model configuration and
//! model repository, as the server's documentation describes them and as a real Triton 2.51 was seen to behave.

pub mod batches;
pub mod dialect;
pub mod embed;
pub mod endpoint;
pub mod exchange;
pub mod generate;
pub mod health;
pub mod infer;
pub mod load;
pub mod look_up;
pub mod model;
pub mod numbers;
pub mod raw;
pub mod reply;
pub mod repository;
pub mod roles;
pub mod skeleton;
pub mod sse;
pub mod stop;
pub mod tensor;
pub mod text;
pub mod usage;

/// One HTTP request, without the headers that every request of a call has (key, extra headers).
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: Method,
    /// Absolute.
    pub url: String,
    /// Empty for `GET`.
    pub body: Vec<u8>,
    /// Length of the JSON in front of binary tensor data, for `inference-header-content-length`.
    pub json_length: Option<usize>,
}

/// The two methods Triton needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
}

impl Request {
    /// A `GET`.
    pub fn get(url: String) -> Request {
        Request {
            method: Method::Get,
            url,
            body: Vec::new(),
            json_length: None,
        }
    }

    /// A `POST` of JSON.
    pub fn post(url: String, body: Vec<u8>) -> Request {
        Request {
            method: Method::Post,
            url,
            body,
            json_length: None,
        }
    }
}
