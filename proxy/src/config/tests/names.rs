//! Names of models that are none.

use super::Case;

pub(super) const NAMES: &[Case] = &[
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  num_retries: 1\n  fallbacks:\n    - m: [n]\n",
        &[
            "error: :9: router_settings.fallbacks[0].m[0]: expected a model_name of the model list, got \"n\"",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  fallbacks: [{m: [gpt-3.5-turbo]}]\n",
        &[
            "error: :7: mishikallm_settings.fallbacks[0].m[0]: expected a model_name of the model list, got \"gpt-3.5-turbo\"",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  fallbacks:\n    - m: [m]\n    - gpt-3.5-turbo: [m]\n",
        &[
            "error: :9: router_settings.fallbacks[1].gpt-3.5-turbo: expected a model_name of the model list, got \"gpt-3.5-turbo\"",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  fallbacks:\n    - m: [m]\n    - m: [3]\n",
        &[
            "error: :9: router_settings.fallbacks[1].m[0]: expected a model's name, got the number 3",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  fallbacks: m\n",
        &[
            "error: :7: router_settings.fallbacks: expected a list of objects, each a model's name and the list of its fallbacks, got a string",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  fallbacks:\n    - m\n    - n\n",
        &["error: :8: router_settings.fallbacks[0]: expected an object, got a string"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmishikallm_settings:\n  default_fallbacks: [m, nn]\n",
        &[
            "error: :7: mishikallm_settings.default_fallbacks[1]: expected a model_name of the model list, got \"nn\"",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  model_group_alias:\n    a: b\n    b: a\n",
        &[
            "error: :8: router_settings.model_group_alias.a: expected a model_name of the model list, got another alias",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  model_group_alias:\n    a: a\n",
        &[
            "error: :8: router_settings.model_group_alias.a: expected a model_name of the model list, got another alias",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  model_group_alias:\n    gpt-4: llama\n",
        &[
            "error: :8: router_settings.model_group_alias.gpt-4: expected a model_name of the model list, got \"llama\"",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  model_group_alias:\n    m: m\n",
        &[
            "error: :8: router_settings.model_group_alias.m: the model list has a model of this name",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  model_group_alias: [a, b]\n",
        &[
            "error: :7: router_settings.model_group_alias: expected an object, got a list: leave out the - before its keys",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nrouter_settings:\n  model_group_alias:\n    a: {model: m, hidden: yes}\n",
        &[
            "error: :8: router_settings.model_group_alias.a.hidden: expected true or false, got a string; YAML takes yes, no, on and off as words: write true",
        ],
    ),
];
