//! `mishikallm key`, `team` and `spend`: what a running proxy is asked about virtual keys. The fields' names are the reference's.

use super::values;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Map, Value};

/// Where the options of the command mean another proxy than one that is started.
const WHERE: &str = "The running proxy is asked at --host and --port, with the master key of --config or of the environment's MISHIKALLM_MASTER_KEY; \
                     one that was started with --ssl_certfile_path and --ssl_keyfile_path is asked with them too.";

/// What is asked.
#[derive(Debug, Subcommand)]
pub enum Manage {
    /// Make, list, change and delete virtual keys of the running proxy, at --host and --port
    #[command(subcommand)]
    Key(Keys),
    /// The same for teams: keys that share limits
    #[command(subcommand)]
    Team(Teams),
    /// What was spent: by all, or by one key
    Spend(Spend),
}

/// Of keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key, and print it: this once, and alone on the standard output
    Create(Box<CreateKey>),
    /// List the keys
    List(ListKeys),
    /// Tell all of one key
    Info(OneKey),
    /// Change a key
    Update(Box<UpdateKey>),
    /// Delete keys: they are refused from then on
    Delete(SomeKeys),
    /// Refuse keys, until they are unblocked
    Block(SomeKeys),
    /// Take blocked keys again
    Unblock(SomeKeys),
    /// Make a new key in place of another, which is refused from then on, and print it as create does
    Regenerate(OneKey),
}

/// How the answer is printed.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(after_help = WHERE)]
pub struct Form {
    /// Print the proxy's answer as it is: JSON, an answer on each line
    #[arg(long)]
    pub json: bool,
}

/// What a key or a team may use.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "What it may use")]
pub struct Rules {
    /// What may be asked: names of models, or patterns such as 'triton/*'; '' is all
    #[arg(long, value_name = "NAME,NAME", value_parser = values::names)]
    models: Option<Value>,
    /// The most that may be spent, in each period if there is --budget-duration; 'none' is without limit, as for all limits
    #[arg(long, alias = "max_budget", value_name = "DOLLARS", value_parser = values::dollars)]
    max_budget: Option<Value>,
    /// The period of the budget: 30s, 15m, 2h, 30d, 2w or 1mo; 'none' is for ever
    #[arg(long, alias = "budget_duration", value_name = "DURATION", value_parser = values::every)]
    budget_duration: Option<Value>,
    /// The most requests in a minute
    #[arg(long, alias = "rpm_limit", value_name = "N", value_parser = values::count)]
    rpm_limit: Option<Value>,
    /// The most tokens in a minute, of prompts and answers
    #[arg(long, alias = "tpm_limit", value_name = "N", value_parser = values::count)]
    tpm_limit: Option<Value>,
    /// The most requests at once
    #[arg(long, alias = "max_parallel_requests", value_name = "N", value_parser = values::count)]
    max_parallel_requests: Option<Value>,
    /// Whatever the owner wants to keep with it
    #[arg(long, value_name = "JSON", value_parser = values::object)]
    metadata: Option<Value>,
}

/// What a key has besides.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "The key")]
pub struct KeyRules {
    /// Your name for it, of which there is no other
    #[arg(long, aliases = ["key_alias", "key-alias"], value_name = "NAME", value_parser = values::name)]
    alias: Option<Value>,
    /// How long it is taken from now on, such as 30d; 'none' is for ever
    #[arg(long, value_name = "DURATION", value_parser = values::every)]
    duration: Option<Value>,
    /// Its team, whose limits hold too: the id or the alias; '' is none
    #[arg(long, aliases = ["team_id", "team-id"], value_name = "TEAM", value_parser = values::name)]
    team: Option<Value>,
    /// Whose it is; '' is nobody's
    #[arg(long, aliases = ["user_id", "user-id"], value_name = "ID", value_parser = values::name)]
    user: Option<Value>,
    /// Paths and groups of paths, such as llm_api_routes; '' is to ask models, and to read what it may ask
    #[arg(long, alias = "allowed_routes", value_name = "PATH,PATH", value_parser = values::names)]
    allowed_routes: Option<Value>,
    #[command(flatten)]
    rules: Rules,
}

/// A new key.
#[derive(Debug, Args)]
pub struct CreateKey {
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub rules: KeyRules,
}

/// Which keys.
#[derive(Debug, Args)]
pub struct ListKeys {
    /// Those of a team: its id or its alias
    #[arg(long, aliases = ["team_id", "team-id"], value_name = "TEAM")]
    pub team: Option<String>,
    /// Those of a user
    #[arg(long, aliases = ["user_id", "user-id"], value_name = "ID")]
    pub user: Option<String>,
    #[command(flatten)]
    pub form: Form,
}

/// One key.
#[derive(Debug, Args)]
pub struct OneKey {
    /// Its alias, its hash or how that begins, or '-': the standard input says it, which may also be the key itself
    #[arg(value_name = "KEY")]
    pub key: String,
    #[command(flatten)]
    pub form: Form,
}

/// Some keys.
#[derive(Debug, Args)]
pub struct SomeKeys {
    /// Their aliases, hashes or how those begin, or '-': the standard input says one, which may also be the key itself
    #[arg(value_name = "KEY", required = true)]
    pub keys: Vec<String>,
    #[command(flatten)]
    pub form: Form,
}

/// What all options that change something are called.
const RULES: [&str; 7] = [
    "models",
    "max_budget",
    "budget_duration",
    "rpm_limit",
    "tpm_limit",
    "max_parallel_requests",
    "metadata",
];

/// Other limits for a key.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(RULES).args(["alias", "duration", "team", "user", "allowed_routes"]))]
pub struct UpdateKey {
    /// Its alias, its hash or how that begins, or '-': the standard input says it, which may also be the key itself
    #[arg(value_name = "KEY")]
    pub key: String,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    pub rules: KeyRules,
}

/// Of teams.
#[derive(Debug, Subcommand)]
pub enum Teams {
    /// Make a team, and print its id, alone on the standard output
    Create(Box<CreateTeam>),
    /// List the teams
    List(Form),
    /// Tell all of one team
    Info(OneTeam),
    /// Change a team
    Update(Box<UpdateTeam>),
    /// Delete teams, and their keys
    Delete(SomeTeams),
    /// Refuse the keys of teams, until they are unblocked
    Block(SomeTeams),
    /// Take the keys of blocked teams again
    Unblock(SomeTeams),
}

/// A new team.
#[derive(Debug, Args)]
pub struct CreateTeam {
    /// Your name for it
    #[arg(long, aliases = ["team_alias", "team-alias"], value_name = "NAME", value_parser = values::name)]
    alias: Option<Value>,
    /// Its id; without it the proxy makes one
    #[arg(long, aliases = ["team_id", "team-id"], value_name = "ID", value_parser = values::name)]
    id: Option<Value>,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    rules: Rules,
}

/// One team.
#[derive(Debug, Args)]
pub struct OneTeam {
    /// Its id, or its alias
    #[arg(value_name = "TEAM")]
    pub team: String,
    #[command(flatten)]
    pub form: Form,
}

/// Some teams.
#[derive(Debug, Args)]
pub struct SomeTeams {
    /// Their ids, or their aliases
    #[arg(value_name = "TEAM", required = true)]
    pub teams: Vec<String>,
    #[command(flatten)]
    pub form: Form,
}

/// Other limits for a team.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(RULES).arg("alias"))]
pub struct UpdateTeam {
    /// Its id, or its alias
    #[arg(value_name = "TEAM")]
    pub team: String,
    /// Your name for it
    #[arg(long, aliases = ["team_alias", "team-alias"], value_name = "NAME", value_parser = values::name)]
    alias: Option<Value>,
    #[command(flatten)]
    pub form: Form,
    #[command(flatten)]
    rules: Rules,
}

/// What was spent.
#[derive(Debug, Args)]
pub struct Spend {
    /// By this key, by day: its alias, its hash or how that begins, or '-': the standard input says it, which may also be the key itself
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// By day, from this one on, in UTC [default with --key: 30 days]
    #[arg(long = "start-date", aliases = ["start_date", "since"], value_name = "DAY", value_parser = values::day)]
    pub start: Option<String>,
    /// By day, up to this one
    #[arg(long = "end-date", aliases = ["end_date", "until"], value_name = "DAY", value_parser = values::day)]
    pub end: Option<String>,
    #[command(flatten)]
    pub form: Form,
}

/// The fields that were given.
fn given<const N: usize>(fields: [(&str, &Option<Value>); N]) -> Map<String, Value> {
    let given = fields.into_iter();
    given
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
        .collect()
}

impl Rules {
    fn fields(&self) -> Map<String, Value> {
        given([
            ("models", &self.models),
            ("max_budget", &self.max_budget),
            ("budget_duration", &self.budget_duration),
            ("rpm_limit", &self.rpm_limit),
            ("tpm_limit", &self.tpm_limit),
            ("max_parallel_requests", &self.max_parallel_requests),
            ("metadata", &self.metadata),
        ])
    }
}

impl KeyRules {
    /// As a request has them.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = given([
            ("key_alias", &self.alias),
            ("duration", &self.duration),
            ("team_id", &self.team),
            ("user_id", &self.user),
            ("allowed_routes", &self.allowed_routes),
        ]);
        fields.extend(self.rules.fields());
        fields
    }
}

impl CreateTeam {
    /// As a request has them.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = given([("team_alias", &self.alias), ("team_id", &self.id)]);
        fields.extend(self.rules.fields());
        fields
    }
}

impl UpdateTeam {
    /// As a request has them.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = given([("team_alias", &self.alias)]);
        fields.extend(self.rules.fields());
        fields
    }
}
