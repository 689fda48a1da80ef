//! Keys and indentation.

use super::Case;

pub(super) const SHAPES: &[Case] = &[
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n    model: triton/m\n    api_base: http://h\n",
        &[
            "warning: :4: model_list[0].model: unknown here: it is ignored; it belongs in mishikallm_params: is it indented far enough?",
            "warning: :5: model_list[0].api_base: unknown here: it is ignored; it belongs in mishikallm_params: is it indented far enough?",
            "error: :3: model_list[0].mishikallm_params.model: expected a string, got nothing",
        ],
    ),
    (
        "model_list:\n- model_name: m\n  mishikallm_params:\n  model: triton/m\n",
        &[
            "warning: :4: model_list[0].model: unknown here: it is ignored; it belongs in mishikallm_params: is it indented far enough?",
            "error: :3: model_list[0].mishikallm_params.model: expected a string, got nothing",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      - model: triton/m\n      - api_base: http://h\n",
        &[
            "error: :3: model_list[0].mishikallm_params: expected an object, got a list: leave out the - before its keys",
        ],
    ),
    (
        "model_list:\n  model_name: m\n  mishikallm_params: {model: triton/m, api_base: http://h}\n",
        &["error: :1: model_list: expected a list, got an object: begin each entry with a -"],
    ),
    (
        "general_settings:\n  master_key: sk-0123456789abcdef\n",
        &["error: : model_list: expected a list of at least one deployment, got nothing"],
    ),
    (
        "model_list: m\n",
        &["error: :1: model_list: expected a list, got a string"],
    ),
    (
        "model_list:\n",
        &["error: :1: model_list: expected a list of at least one deployment, got nothing"],
    ),
    (
        "model_list: []\n",
        &["error: :1: model_list: expected at least one deployment, got an empty list"],
    ),
    (
        "model_list:\n  - m\n  - triton/n\n",
        &[
            "error: :2: model_list[0]: expected an object, got a string",
            "error: :3: model_list[1]: expected an object, got a string",
        ],
    ),
    (
        "model_list:\n  -\n",
        &["error: :2: model_list[0]: expected an object, got nothing"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\ngeneral_settings:\n  - master_key: sk-abcdefabcdefabcdef\n",
        &["error: :6: general_settings: expected keys and values, got a list"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings: least-busy\n",
        &["error: :6: router_settings: expected keys and values, got a string"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  1: 2\n  num_retries: 2\n",
        &["warning: :7: router_settings.1: unknown: it is ignored"],
    ),
    (
        "model_list:\n  - model_name: m\n    litellm_params:\n      model: triton/m\n      api_base: http://h\nlitellm_settings:\n  drop_params: true\n",
        &[
            "warning: :3: model_list[0].litellm_params: unknown: it is ignored; did you mean mishikallm_params?",
            "warning: :6: litellm_settings: unknown: it is ignored; did you mean mishikallm_settings?",
            "error: :2: model_list[0].mishikallm_params.model: expected a string, got nothing",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    api_base: http://h\n    mishikallm_params:\n      model: triton/m\n",
        &[
            "warning: :3: model_list[0].api_base: unknown here: it is ignored; it belongs in mishikallm_params: is it indented far enough?",
            "warning: :4: model_list[0].mishikallm_params: has no api_base: only calls that bring their own can work",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrooter_settings: {}\ngeneral_settings:\n  masterkey: sk-1\nrouter_settings:\n  routing_stategy: least-busy\n  cache_responses: x\nmishikallm_settings:\n  master_key: x\n  cache: true\n",
        &[
            "warning: :6: rooter_settings: unknown: it is ignored; did you mean router_settings?",
            "warning: :8: general_settings.masterkey: unknown: it is ignored; did you mean master_key?",
            "warning: :10: router_settings.routing_stategy: unknown: it is ignored; did you mean routing_strategy?",
            "warning: :11: router_settings.cache_responses: not supported here: it is ignored",
            "warning: :13: mishikallm_settings.master_key: unknown here: it is ignored; it belongs in general_settings",
            "warning: :14: mishikallm_settings.cache: not supported here: it is ignored",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  routing_strategy_args: {ttl: 1}\n  content_policy_fallbacks: [{m: [m]}]\n  max_fallbacks: 3\n",
        &[
            "warning: :7: router_settings.routing_strategy_args: not supported here: it is ignored",
            "warning: :8: router_settings.content_policy_fallbacks: not supported here: it is ignored",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nenvironment_variables:\n  - A=b\n",
        &["error: :6: environment_variables: expected variables and their values, got a list"],
    ),
    (
        "{\"model_list\":[{\"model_name\":\"m\",\"mishikallm_params\":{\"model\":\"triton/m\",\"api_base\":\"http://h\"}}]}",
        &[],
    ),
    (
        "\u{feff}model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\n",
        &[],
    ),
    (
        "model_list:\r\n  - model_name: m\r\n    mishikallm_params:\r\n      model: triton/m\r\n      api_base: http://localhost:8000\r\n",
        &[],
    ),
    (
        "model_list:\r\n  - model_name: m\r\n    mishikallm_params:\r\n      model: triton/\r\n      api_base: http://localhost:8000\r\n",
        &[
            "error: :4: model_list[0].mishikallm_params.model: expected a model's name after triton/, got none",
        ],
    ),
    (
        "x: &d {api_base: http://h}\nmodel_list:\n  - model_name: m\n    mishikallm_params:\n      <<: *d\n      model: triton/m\n",
        &["warning: :1: x: unknown: it is ignored"],
    ),
    (
        "mishikallm_settings:\n  api_base: http://h\n  triton: {endpoint: infer}\nmodel_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n",
        &[],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\n      base_url: http://localhost:8001\n      timeout: 5\n      request_timeout: 6\n      max_retries:\n      num_retries: 1\n",
        &[
            "warning: :6: model_list[0].mishikallm_params.base_url: is not used: api_base, which is another name for it, holds",
            "warning: :8: model_list[0].mishikallm_params.request_timeout: is not used: timeout, which is another name for it, holds",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  request_timeout: 6\n  max_retries: 4\n  fallbacks: [{m: [m]}]\n  cooldown_time: 3\nrouter_settings:\n  timeout: 5\n  num_retries: 1\n  fallbacks: []\n",
        &[
            "warning: :7: mishikallm_settings.request_timeout: is not used: router_settings.timeout holds",
            "warning: :8: mishikallm_settings.max_retries: is not used: router_settings.num_retries holds",
            "warning: :9: mishikallm_settings.fallbacks: is not used: router_settings.fallbacks holds",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\n      ssl_verify: false\n      organization: me\n      tags: [a]\n    model_info:\n      health_chek_model: triton/m\n      base_model: whatever\n",
        &[
            "warning: :6: model_list[0].mishikallm_params.ssl_verify: has no effect: certificates are checked alike for all deployments; mishikallm_settings.ssl_verify says how",
            "warning: :7: model_list[0].mishikallm_params.organization: has no effect: Triton knows no organizations",
            "warning: :8: model_list[0].mishikallm_params.tags: is sent to the model; the proxy itself does nothing with it",
            "warning: :10: model_list[0].model_info.health_chek_model: is told, and has no other effect; did you mean health_check_model?",
        ],
    ),
    (
        "d: &d\n  mishikallm_params: &p {api_base: http://h, api_bse: x, timeout: 5}\nmodel_list:\n  - <<: *d\n    model_name: m\n    mishikallm_params:\n      <<: [*p]\n      model: triton/m\n      timeout: -5\n",
        &[
            "warning: :1: d: unknown: it is ignored",
            "warning: :2: model_list[0].mishikallm_params.api_bse: is sent to the model; did you mean api_base?",
            "error: :9: model_list[0].mishikallm_params.timeout: expected a number of seconds above 0, got the number -5",
        ],
    ),
];
