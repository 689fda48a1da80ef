//! Where Redis is, and what goes there; a password is never told.

use super::Case;

pub(super) const REDIS: &[Case] = &[
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_host: redis.local\n  redis_port: 6380\n  redis_password: secret\n",
        &[],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_host: ::1\n  redis_password:\n",
        &[],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_url: rediss://ann:secret@h:6380/1?ssl_cert_reqs=none\n",
        &[],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_url: unix:///run/redis.sock\n  redis_password: secret\n",
        &[],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_url: redis//:secret@h\n",
        &[
            "error: :5: router_settings.redis_url: expected redis://USER:PASSWORD@HOST:6379/NUMBER, rediss:// for TLS, or unix:///PATH of a socket, got another URL",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_host: redis://:secret@h\n",
        &[
            "error: :5: router_settings.redis_host: expected the name or the address of a host alone, without scheme and port",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_host: h:6379\n",
        &[
            "error: :5: router_settings.redis_host: expected the name or the address of a host alone, without scheme and port",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_host: h\n  redis_port: 70000\n",
        &[
            "error: :6: router_settings.redis_port: expected a whole number between 1 and 65535, got the number 70000",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_host: h\n  redis_port: \"6379\"\n",
        &[
            "error: :6: router_settings.redis_port: expected a whole number between 1 and 65535, got a string: write it without quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_host: h\n  redis_password: 123456789\n",
        &[
            "error: :6: router_settings.redis_password: expected a string, got a number: put it in quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_port: 6379\n  redis_password: secret\n",
        &[
            "error: :5: router_settings.redis_port: goes with redis_host or redis_url, and there is neither",
            "error: :6: router_settings.redis_password: goes with redis_host or redis_url, and there is neither",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\nrouter_settings:\n  redis_url: redis://:secret@h\n  redis_host: h\n  redis_port: 1\n  redis_password: secret\n",
        &[
            "warning: :6: router_settings.redis_host: is not used: router_settings.redis_url holds",
            "warning: :7: router_settings.redis_port: is not used: router_settings.redis_url holds",
            "warning: :8: router_settings.redis_password: is not used: router_settings.redis_url has one",
        ],
    ),
];
