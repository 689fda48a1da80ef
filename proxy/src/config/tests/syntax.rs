//! What is no YAML, or none of ours.

use super::Case;

pub(super) const SYNTAX: &[Case] = &[
    (
        "model_list:\n  - model_name: m\n\tmishikallm_params:\n      model: triton/m\n",
        &["error: :3: the line begins with a tab; YAML's indentation is of spaces only"],
    ),
    (
        "model_list:\n\t- model_name: m\n",
        &["error: :2: the line begins with a tab; YAML's indentation is of spaces only"],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\nmodel_list: []\n",
        &["error: :6: model_list is there twice, in line 1 and in line 6"],
    ),
    (
        "model_list:\n  - model_name: m\n    model_name: n\n    mishikallm_params: {model: triton/m, api_base: http://h}\n",
        &["error: :3: model_name is there twice, in line 2 and in line 3"],
    ),
    (
        "model_list:\n  - model_name: m\n   mishikallm_params:\n      model: triton/m\n",
        &[
            "error: :3: not valid YAML, at column 4: while parsing a block collection, did not find expected '-' indicator; is the line indented as those above it?",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      <<: *d\n      model: triton/m\n",
        &[
            "error: :4: not valid YAML, at column 11: while parsing node, found unknown anchor; expected &name before *name",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      <<: 3\n      model: triton/m\n",
        &["error: :4: <<: expected a mapping's alias, or a list of such"],
    ),
    (
        "model_list:\n  - model_name m\n    mishikallm_params:\n      model: triton/m\n",
        &[
            "error: :3: not valid YAML, at column 22: mapping values are not allowed in this context; is a colon, or the space behind it, missing in the line before?",
        ],
    ),
    (
        "model_list:\n  - model_name:m\n    mishikallm_params:\n      model: triton/m\n",
        &[
            "error: :3: not valid YAML, at column 22: mapping values are not allowed in this context; is a colon, or the space behind it, missing in the line before?",
        ],
    ),
    (
        "model_list:\n  - model_name: \"m\n    mishikallm_params:\n      model: triton/m\n",
        &[
            "error: :2: not valid YAML, at column 17: invalid indentation in quoted scalar; is a quote missing?",
        ],
    ),
    (
        "model_list: [{model_name: m, mishikallm_params: {model: triton/m}]\n",
        &[
            "error: :1: not valid YAML, at column 66: while parsing a flow mapping, did not find expected ',' or '}'",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: {{ .Values.url }}\n",
        &["error: :5: expected a word as a key, got something else (a { or a [ without quotes?)"],
    ),
    (
        "general_settings:\n  master_key: @secret\n",
        &[
            "error: :2: not valid YAML, at column 15: unexpected character: `@'; put the value in quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: %m\n",
        &[
            "error: :2: not valid YAML, at column 17: unexpected character: `%'; put the value in quotes",
        ],
    ),
    (
        "model_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\n---\nmodel_list:\n  - model_name: m\n    mishikallm_params:\n      model: triton/m\n      api_base: http://localhost:8000\n",
        &["error: :6: expected one document, got another one behind ---"],
    ),
    (
        "",
        &["error: : the file is empty; expected at least a model_list"],
    ),
    (
        "# model_list:\n",
        &["error: : the file is empty; expected at least a model_list"],
    ),
    (
        "- model_name: m\n",
        &["error: :1: expected keys such as model_list: at the top of the file, got a list"],
    ),
];
