//! What the routes of keys, users, teams and spend take and answer.

use super::super::manage::table::Action;
use super::keys::{
    ChangedKey, DeletedKeys, GenerateKey, Key, KeyInfo, KeyList, NewKey, OneKey, RegenerateKey,
    SomeKeys, UpdateKey,
};
use super::operations::{TAGS, in_query};
use super::owners::{
    AddMember, AddedMembers, ChangedTeam, ChangedUser, CreatedUser, DeleteMember, DeletedTeams,
    NewTeam, NewUser, OneTeam, SomeTeams, SomeUsers, Team, TeamInfo, UpdateTeam, UpdateUser,
    UserInfo, UserList,
};
use super::parts::{Named, add, answers, list_of, of, refers};
use super::spend::{GlobalSpend, KeySpend, LogOrDay, SpendPage};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Content, Required};

const JSON: &str = "application/json";

/// All schemas that these operations name, and those that they need.
pub(super) fn schemas(all: &mut Vec<Named>) {
    add::<GenerateKey>(all);
    add::<UpdateKey>(all);
    add::<RegenerateKey>(all);
    add::<OneKey>(all);
    add::<SomeKeys>(all);
    add::<Key>(all);
    add::<NewKey>(all);
    add::<KeyInfo>(all);
    add::<ChangedKey>(all);
    add::<KeyList>(all);
    add::<DeletedKeys>(all);
    add::<NewUser>(all);
    add::<UpdateUser>(all);
    add::<SomeUsers>(all);
    add::<CreatedUser>(all);
    add::<UserInfo>(all);
    add::<ChangedUser>(all);
    add::<UserList>(all);
    add::<NewTeam>(all);
    add::<UpdateTeam>(all);
    add::<OneTeam>(all);
    add::<SomeTeams>(all);
    add::<AddMember>(all);
    add::<DeleteMember>(all);
    add::<Team>(all);
    add::<TeamInfo>(all);
    add::<ChangedTeam>(all);
    add::<AddedMembers>(all);
    add::<DeletedTeams>(all);
    add::<LogOrDay>(all);
    add::<SpendPage>(all);
    add::<KeySpend>(all);
    add::<GlobalSpend>(all);
}

/// What a route does, what it takes, and what it answers.
struct Told {
    id: &'static str,
    summary: &'static str,
    takes: Option<Content>,
    about: &'static str,
    answers: Content,
}

fn told(
    id: &'static str,
    summary: &'static str,
    takes: Option<Content>,
    about: &'static str,
    answers: Content,
) -> Told {
    Told {
        id,
        summary,
        takes,
        about,
        answers,
    }
}

fn of_keys(action: &Action) -> Option<Told> {
    Some(match action {
        Action::GenerateKey => told(
            "generateKey",
            "Makes a key",
            Some(of::<GenerateKey>()),
            "The key: it is told this once.",
            of::<NewKey>(),
        ),
        Action::KeyInfo => told(
            "keyInfo",
            "Tells of a key; without one, of the key that asks",
            None,
            "It.",
            of::<KeyInfo>(),
        ),
        Action::ListKeys => told(
            "listKeys",
            "The keys, page by page",
            None,
            "Some of them, the newest first where nothing else is asked for.",
            of::<KeyList>(),
        ),
        Action::UpdateKey => told(
            "updateKey",
            "Changes a key",
            Some(of::<UpdateKey>()),
            "It, as it is now.",
            of::<ChangedKey>(),
        ),
        Action::DeleteKeys => told(
            "deleteKeys",
            "Removes keys: all that are named, or none",
            Some(of::<SomeKeys>()),
            "They are no more.",
            of::<DeletedKeys>(),
        ),
        Action::BlockKey => told(
            "blockKey",
            "Refuses a key from now on",
            Some(of::<OneKey>()),
            "It, as it is now.",
            of::<Key>(),
        ),
        Action::UnblockKey => told(
            "unblockKey",
            "Takes a key again",
            Some(of::<OneKey>()),
            "It, as it is now.",
            of::<Key>(),
        ),
        Action::RegenerateKey(path) => told(
            match path {
                None => "regenerateKey",
                Some(_) => "regenerateKeyByPath",
            },
            "Gives a key another secret. What it was given and what it spent stay",
            Some(of::<RegenerateKey>()),
            "The new key: it is told this once. The old one is none any more.",
            of::<NewKey>(),
        ),
        _ => return None,
    })
}

fn of_users(action: &Action) -> Option<Told> {
    Some(match action {
        Action::NewUser => told(
            "newUser",
            "Makes a user, and a key of theirs",
            Some(of::<NewUser>()),
            "Both.",
            of::<CreatedUser>(),
        ),
        Action::UserInfo => told(
            "userInfo",
            "Tells of a user; without one, all keys and teams",
            None,
            "Them, their keys and their teams: at most 1000 of each.",
            of::<UserInfo>(),
        ),
        Action::ListUsers => told(
            "listUsers",
            "The users, page by page",
            None,
            "Some of them, the newest first where nothing else is asked for.",
            of::<UserList>(),
        ),
        Action::UpdateUser => told(
            "updateUser",
            "Changes a user",
            Some(of::<UpdateUser>()),
            "Them, as they are now.",
            of::<ChangedUser>(),
        ),
        Action::DeleteUsers => told(
            "deleteUsers",
            "Removes users with their keys: all that are named, or none",
            Some(of::<SomeUsers>()),
            "How many.",
            number(),
        ),
        _ => return None,
    })
}

fn of_teams(action: &Action) -> Option<Told> {
    Some(match action {
        Action::NewTeam => told(
            "newTeam",
            "Makes a team",
            Some(of::<NewTeam>()),
            "It.",
            of::<Team>(),
        ),
        Action::TeamInfo => told(
            "teamInfo",
            "Tells of a team",
            None,
            "It and its keys, the newest first.",
            of::<TeamInfo>(),
        ),
        Action::ListTeams => told(
            "listTeams",
            "The teams, with their keys",
            None,
            "They, by their names, each with at most 1000 keys.",
            list_of::<Team>(),
        ),
        Action::UpdateTeam => told(
            "updateTeam",
            "Changes a team",
            Some(of::<UpdateTeam>()),
            "It, as it is now.",
            of::<ChangedTeam>(),
        ),
        Action::DeleteTeams => told(
            "deleteTeams",
            "Removes teams with their keys: all that are named, or none",
            Some(of::<SomeTeams>()),
            "They are no more.",
            of::<DeletedTeams>(),
        ),
        Action::BlockTeam => told(
            "blockTeam",
            "Refuses all keys of a team from now on",
            Some(of::<OneTeam>()),
            "It, as it is now.",
            of::<Team>(),
        ),
        Action::UnblockTeam => told(
            "unblockTeam",
            "Takes them again",
            Some(of::<OneTeam>()),
            "It, as it is now.",
            of::<Team>(),
        ),
        Action::AddMember => told(
            "addTeamMember",
            "Adds somebody to a team",
            Some(of::<AddMember>()),
            "It, as it is now.",
            of::<AddedMembers>(),
        ),
        Action::DeleteMember => told(
            "deleteTeamMember",
            "Takes somebody out of a team, with the keys that they have of it",
            Some(of::<DeleteMember>()),
            "It, as it is now.",
            of::<Team>(),
        ),
        _ => return None,
    })
}

fn of_spend(action: &Action) -> Option<Told> {
    Some(match action {
        Action::SpendLogs => told(
            "spendLogs",
            "What requests cost; with both dates and without `summarize=false`, what days cost",
            None,
            "The newest first; or the days.",
            list_of::<LogOrDay>(),
        ),
        Action::SpendPages => told(
            "spendPages",
            "What requests cost, page by page",
            None,
            "Some of them, the newest first.",
            of::<SpendPage>(),
        ),
        Action::SpendKeys => told(
            "spendKeys",
            "What keys spent",
            None,
            "Those that spent most first, at most 1000.",
            list_of::<KeySpend>(),
        ),
        Action::GlobalSpend => told(
            "globalSpend",
            "What was ever spent",
            None,
            "It.",
            of::<GlobalSpend>(),
        ),
        _ => return None,
    })
}

const LONG: &str = "Of a page: 1000, or fewer. `x-mishikallm-total-count`, or a field `total_…`, says how many there are.";

/// What a route says of its query: names, and what they are.
fn parameters(action: &Action) -> &'static [(&'static str, &'static str)] {
    match action {
        Action::KeyInfo => &[("key", "The key, or its hash.")],
        Action::ListKeys => &[
            ("page", "From 1 on."),
            ("size", "Keys of a page: 10, or up to 100."),
            ("user_id", "Of this user."),
            ("team_id", "Of this team."),
            ("key_alias", "Of this name."),
            ("key_hash", "Of this hash."),
            ("return_full_object", "`true`: keys, not only their hashes."),
            (
                "sort_by",
                "`spend`, `max_budget`, `created_at`, `updated_at`, `token`, `key_alias` or `expires`.",
            ),
            ("sort_order", "`desc` or `asc`."),
        ],
        Action::UserInfo => &[
            ("user_id", "The user."),
            ("page", "Of the keys, and of the teams, from 1 on."),
            ("page_size", LONG),
        ],
        Action::ListUsers => &[
            ("page", "From 1 on."),
            ("page_size", "Users of a page: 25, or up to 100."),
            ("user_ids", "A part of an id, or several ids with commas."),
            ("user_email", "A part of an address."),
            ("role", "Of this role."),
            (
                "sort_by",
                "`user_id`, `user_email`, `created_at`, `spend`, `user_alias` or `max_budget`.",
            ),
            ("sort_order", "`asc` or `desc`."),
        ],
        Action::TeamInfo => &[
            ("team_id", "The team."),
            ("page", "Of the keys, from 1 on."),
            ("page_size", LONG),
        ],
        Action::ListTeams => &[
            ("user_id", "Those that this user is in."),
            ("page", "From 1 on."),
            ("page_size", LONG),
        ],
        Action::SpendLogs => &[
            ("page", "Of the requests, from 1 on."),
            ("page_size", LONG),
            ("api_key", "Of this key, or its hash."),
            ("user_id", "Of this user's keys."),
            ("request_id", "This request."),
            ("start_date", "From this day on."),
            ("end_date", "Up to this day, which is wholly meant."),
            (
                "summarize",
                "`false`: requests, though there are both dates.",
            ),
        ],
        Action::SpendPages => &[
            ("page", "From 1 on."),
            ("page_size", "Requests of a page: 50, or up to 100."),
            ("api_key", "Of this key, or its hash."),
            ("user_id", "Of this user's keys."),
            ("team_id", "Of this team's keys."),
            ("request_id", "This request."),
            ("end_user", "Of this `user` of the request."),
            ("model", "Of this model."),
            ("status_filter", "`success` or `failure`."),
            ("start_date", "From this day or time on."),
            ("end_date", "Up to this day or time."),
        ],
        _ => &[],
    }
}

/// A route of keys, users, teams or spend.
pub(super) fn manages(action: &Action) -> Operation {
    let parts = [of_keys, of_users, of_teams, of_spend]
        .into_iter()
        .zip(&TAGS[3..]);
    let mut found = parts.filter_map(|(part, tag)| Some((part(action)?, tag.0)));
    // Each is of one part: a test holds the document to the table.
    let Some((told, tag)) = found.next() else {
        return Operation::new();
    };
    let mut builder = OperationBuilder::new()
        .operation_id(Some(told.id))
        .tag(tag)
        .summary(Some(told.summary))
        .response("200", answers(told.about, JSON, told.answers));
    if let Some(takes) = told.takes {
        let body = RequestBodyBuilder::new().content(JSON, takes);
        builder = builder.request_body(Some(body.required(Some(Required::True)).build()));
    }
    for (name, about) in parameters(action) {
        builder = builder.parameter(in_query(name, about));
    }
    if let Action::RegenerateKey(Some(_)) = action {
        let parameter = ParameterBuilder::new()
            .name("key")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("The key, or its hash."))
            .schema(Some(
                ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)),
            ));
        builder = builder.parameter(parameter);
    }
    let errors = refers(&["400", "401", "403", "404", "409", "503"]);
    let builder = errors.fold(builder, |builder, (status, error)| {
        builder.response(status, error)
    });
    builder.build()
}

fn number() -> Content {
    let schema = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
    ContentBuilder::new().schema(Some(schema)).build()
}
