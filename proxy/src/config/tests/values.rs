//! Values of the wrong kind.

use super::Case;

pub(super) const VALUES: &[Case] = &[
    (
        "model_list:\n  - model_name: 7\n    mishikallm_params: {model: triton/m, api_base: http://h}\n",
        &["error: :2: model_list[0].model_name: expected a string, got a number: put it in quotes"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: 3.5, api_base: http://h}\n",
        &[
            "error: :3: model_list[0].mishikallm_params.model: expected a string, got a number: put it in quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  routing_strategy: least_busy\n",
        &["error: :7: router_settings.routing_strategy: expected one of simple-shuffle"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  routing_strategy: 5\n",
        &[
            "error: :7: router_settings.routing_strategy: expected a string, got a number: put it in quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      timeout: 30s\n",
        &[
            "error: :6: model_list[0].mishikallm_params.timeout: expected a number of seconds above 0, got a string: write the number alone, without a unit",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      timeout: \"30\"\n",
        &[
            "error: :6: model_list[0].mishikallm_params.timeout: expected a number of seconds above 0, got a string: write it without quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  request_timeout: 0\n",
        &[
            "error: :7: mishikallm_settings.request_timeout: expected a number of seconds above 0, got the number 0",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  num_retries: three\n",
        &[
            "error: :7: mishikallm_settings.num_retries: expected a whole number of at least 0, got a string",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  num_retries: 1000\n",
        &[
            "error: :7: mishikallm_settings.num_retries: expected a whole number of at most 32, got 1000",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  forward_traceparent_to_llm_provider: 0\n",
        &[
            "error: :7: mishikallm_settings.forward_traceparent_to_llm_provider: expected true or false, got the number 0",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  drop_params: yes\n",
        &[
            "error: :7: mishikallm_settings.drop_params: expected true or false, got a string; YAML takes yes, no, on and off as words: write true",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  drop_params: \"true\"\n",
        &[
            "error: :7: mishikallm_settings.drop_params: expected true or false, got a string: write it without quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      api_key: 123456789\n",
        &[
            "error: :6: model_list[0].mishikallm_params.api_key: expected a string, got a number: put it in quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      api_key: \"se\\ncret\"\n",
        &[
            "error: :6: model_list[0].mishikallm_params.api_key: holds a control character (a line break?) that no header may hold",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\ngeneral_settings:\n  master_key: \"\"\n",
        &[
            "error: :7: general_settings.master_key: expected a key, got an empty string; leave it out for a proxy without one",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\ngeneral_settings:\n  master_key:\n",
        &[
            "error: :7: general_settings.master_key: expected a key, got nothing; leave the line out for a proxy without one",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\ngeneral_settings:\n  master_key: 987654321\n",
        &[
            "error: :7: general_settings.master_key: expected a string, got a number: put it in quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\ngeneral_settings:\n  database_url: mysql://user:secret@h/db\n  maximum_spend_logs_retention_period: often\n  disable_spend_logs: 3\n",
        &[
            "error: :7: general_settings.database_url: expected sqlite:///PATH of a file, or postgresql://USER:PASSWORD@HOST:5432/DATABASE, got another URL",
            "error: :8: general_settings.maximum_spend_logs_retention_period: expected a number with s, m, h, d, w or mo, such as \"30d\", got \"often\"",
            "error: :9: general_settings.disable_spend_logs: expected true or false, got the number 3",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\ngeneral_settings:\n  master_key: sk-1234\n",
        &[
            "warning: :7: general_settings.master_key: this is the documentation's key, which everyone knows: choose another one before others can reach the proxy",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: openai/gpt-4o\n      api_base: http://h\n",
        &[
            "error: :4: model_list[0].mishikallm_params.model: expected triton/ and the name of a Triton model, such as triton/llama",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      api_base: http://h\n",
        &["error: :3: model_list[0].mishikallm_params.model: expected a string, got nothing"],
    ),
    (
        "model_list:\n  - mishikallm_params:\n      model: triton/m\n      api_base: http://h\n",
        &["error: :2: model_list[0].model_name: expected a string, got nothing"],
    ),
    (
        "model_list:\n  - model_name: m\n",
        &["error: :2: model_list[0].mishikallm_params.model: expected a string, got nothing"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: localhost:8000\n",
        &[
            "error: :5: model_list[0].mishikallm_params.api_base: expected a URL such as http://localhost:8000, got a string that does not begin with http:// or https://",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000/v2/models/m/chat\n",
        &[
            "error: :5: model_list[0].mishikallm_params.api_base: expected a server, …/v2/models/NAME, or an endpoint that ends in generate, generate_stream, infer or embeddings; got an ending in /chat",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: 8000\n",
        &[
            "error: :5: model_list[0].mishikallm_params.api_base: expected a string, got a number: put it in quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n",
        &[
            "warning: :3: model_list[0].mishikallm_params: has no api_base: only calls that bring their own can work",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_bse: http://h\n",
        &[
            "warning: :3: model_list[0].mishikallm_params: has no api_base: only calls that bring their own can work",
            "warning: :5: model_list[0].mishikallm_params.api_bse: is sent to the model; did you mean api_base?",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      rpm: -3\n      tpm: lots\n",
        &[
            "error: :6: model_list[0].mishikallm_params.rpm: expected a whole number of at least 1, got the number -3",
            "error: :7: model_list[0].mishikallm_params.tpm: expected a whole number of at least 1, got a string",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      weight: heavy\n",
        &[
            "error: :6: model_list[0].mishikallm_params.weight: expected a number, 0 or more, got a string",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      order: first\n",
        &[
            "error: :6: model_list[0].mishikallm_params.order: expected a whole number of at least 0, got a string",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      metrics_url: localhost:8002\n",
        &[
            "error: :6: model_list[0].mishikallm_params.metrics_url: expected a URL such as http://localhost:8002/metrics, got a string that is none",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      chat_template: \"{% for %}\"\n",
        &["error: :6: model_list[0].mishikallm_params.chat_template: syntax error:"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      chat_template: lama3\n",
        &["error: :6: model_list[0].mishikallm_params.chat_template: expected a"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  chat_template: \"{% for %}\"\n",
        &["error: :7: mishikallm_settings.chat_template: syntax error:"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      extra_headers:\n        - x: y\n",
        &[
            "error: :6: model_list[0].mishikallm_params.extra_headers: expected an object, got a list: leave out the - before its keys",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://h\n      triton: {inputs: x}\n",
        &[
            "error: :6: model_list[0].mishikallm_params.triton.inputs: expected an object, got a string",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\n    model_info: {id: one}\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://i}\n    model_info: {id: one}\n",
        &[
            "error: :7: model_list[1].model_info.id: expected one of its own, got that of model_list[0]",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\n    model_info: {id: 5, max_input_tokens: many}\n",
        &[
            "error: :4: model_list[0].model_info.id: expected a string, got a number: put it in quotes",
            "error: :4: model_list[0].model_info.max_input_tokens: expected a whole number of at least 1, got a string",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\ngeneral_settings:\n  health_check_timeout: 30s\n  drain_seconds: -1\n  max_request_size_mb: huge\n",
        &[
            "error: :7: general_settings.health_check_timeout: expected a number of seconds above 0, at most 3600, got a string: write the number alone, without a unit",
            "error: :8: general_settings.drain_seconds: expected a number of seconds above 0, at most 86400, got the number -1",
            "error: :9: general_settings.max_request_size_mb: expected a number of megabytes above 0, at most 64, got a string",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\ngeneral_settings:\n  health_check_timeout: 0\n",
        &[
            "error: :7: general_settings.health_check_timeout: expected a number of seconds above 0, at most 3600, got the number 0",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  tls: {ca_file: /not/there.pem}\n",
        &["error: :7: mishikallm_settings.tls.ca_file: cannot read /not/there.pem"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  tls: {ca: x}\n",
        &[
            "error: :7: mishikallm_settings.tls.ca: unknown field; known here are ca_file, client_cert_file, client_key_file, insecure",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  proxy: nonsense\n",
        &[
            "error: :7: mishikallm_settings.proxy: `mishikallm` reaches its servers directly, and through no other proxy; leave it out",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/*, api_base: http://h}\n",
        &[
            "error: :3: model_list[0].mishikallm_params.model: expected a model's name, got one with a *, for which model_name has no text",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h, input_cost_per_token: free}\n",
        &[
            "error: :3: model_list[0].mishikallm_params.input_cost_per_token: expected a number, 0 or more, got a string",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: m\n      api_base: http://h\n  - model_name: n\n    mishikallm_params:\n      model: triton/n\n      api_base: nowhere\n      timeout: soon\nrouter_settings:\n  routing_strategy: fastest\ngeneral_settings:\n  master_key: \"\"\n",
        &[
            "error: :4: model_list[0].mishikallm_params.model: expected triton/ and the name of a Triton model, such as triton/llama",
            "error: :9: model_list[1].mishikallm_params.api_base: expected a URL such as http://localhost:8000, got a string that does not begin with http:// or https://",
            "error: :10: model_list[1].mishikallm_params.timeout: expected a number of seconds above 0, got a string",
            "error: :12: router_settings.routing_strategy: expected one of simple-shuffle",
            "error: :14: general_settings.master_key: expected a key, got an empty string; leave it out for a proxy without one",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: os.environ/NOT_SET_ANYWHERE\n      api_key: os.environ/ALSO_NOT_SET\n",
        &[
            "error: :5: model_list[0].mishikallm_params.api_base: the environment variable NOT_SET_ANYWHERE is not set",
            "error: :6: model_list[0].mishikallm_params.api_key: the environment variable ALSO_NOT_SET is not set",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: os.environ/NOT_SET_ANYWHERE\n      api_base: http://h\n",
        &[
            "error: :4: model_list[0].mishikallm_params.model: the environment variable NOT_SET_ANYWHERE is not set",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\ngeneral_settings:\n  completion_model: mm\n",
        &[
            "error: :7: general_settings.completion_model: expected a model_name of the model list, got \"mm\"",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  ssl_verify: no\n",
        &[
            "error: :7: mishikallm_settings.ssl_verify: expected true or false, or the path of a PEM file, got a string; YAML takes yes, no, on and off as words: write false",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  ssl_verify: \"true\"\n",
        &[
            "error: :7: mishikallm_settings.ssl_verify: expected true or false, or the path of a PEM file, got a string: write it without quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  ssl_verify: 1\n",
        &[
            "error: :7: mishikallm_settings.ssl_verify: expected true or false, or the path of a PEM file, got the number 1",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  ssl_verify: /not/there.pem\n  tls: {insecure: false}\n",
        &["error: :7: mishikallm_settings.ssl_verify: cannot read /not/there.pem"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\n    model_info:\n      mode: [chat]\n      health_check_timeout: 0\n      health_check_max_tokens: 1.5\n      health_check_model: triton/n\n",
        &[
            "error: :7: model_list[0].model_info.mode: expected the kind of the model: chat, completion, embedding or another, got a list",
            "error: :8: model_list[0].model_info.health_check_timeout: expected a number of seconds above 0, at most 3600, got the number 0",
            "error: :9: model_list[0].model_info.health_check_max_tokens: expected a whole number of at least 1, got the number 1.5",
            "error: :10: model_list[0].model_info.health_check_model: expected a model that triton/m stands for, got a string",
        ],
    ),
    (
        "model_list:\n  - model_name: \"*\"\n    mishikallm_params: {model: \"triton/*\", api_base: http://h}\n    model_info: {health_check_model: triton/a}\n  - model_name: a-*\n    mishikallm_params: {model: triton/a-*, api_base: http://h}\n    model_info: {health_check_model: triton/a}\n",
        &[
            "error: :7: model_list[1].model_info.health_check_model: expected a model that triton/a-* stands for, got a string",
        ],
    ),
];
