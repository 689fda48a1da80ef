//! Teams and users, as requests and answers have them.

use super::keys::{Budget, Key, Limits, NewKey};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What a team may be given.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct TeamFields {
    #[serde(flatten)]
    limits: Limits,
    /// Its name.
    team_alias: Option<String>,
    /// Models that its keys may ask; none: all.
    models: Option<Vec<String>>,
    /// The owner's own, at most 16384 bytes.
    metadata: Option<Map<String, Value>>,
    /// The owner's own; kept as `metadata.tags`.
    tags: Option<Vec<String>>,
    /// Whether all its keys are refused.
    blocked: Option<bool>,
}

/// A new team.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct NewTeam {
    #[serde(flatten)]
    fields: TeamFields,
    /// Its id, where it is not to be made here.
    team_id: Option<String>,
    /// Who is in it.
    members_with_roles: Option<Vec<Person>>,
}

/// A change of a team. What is absent stays as it is.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct UpdateTeam {
    #[serde(flatten)]
    fields: TeamFields,
    /// The team.
    team_id: String,
}

/// Somebody in a team, by one of id and address. A user who is not there yet is made.
#[derive(ToSchema)]
#[allow(dead_code)]
struct Person {
    /// The user.
    user_id: Option<String>,
    /// Their address.
    user_email: Option<String>,
    /// `admin` or `user`. It says who somebody is; what a key may do is said by the key.
    role: Option<String>,
}

/// One team.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct OneTeam {
    /// Its id.
    team_id: String,
}

/// Some teams.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct SomeTeams {
    /// Their ids.
    team_ids: Vec<String>,
}

/// Who is to be in a team.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct AddMember {
    /// The team.
    team_id: String,
    /// One, or several.
    member: OneOrSeveral,
}

/// One, or several.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum OneOrSeveral {
    One(Person),
    Several(Vec<Person>),
}

/// Who is to be out of a team, by one of id and address.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct DeleteMember {
    /// The team.
    team_id: String,
    /// The user.
    user_id: Option<String>,
    /// Their address.
    user_email: Option<String>,
}

/// A team.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Team {
    #[serde(flatten)]
    limits: Limits,
    #[serde(flatten)]
    budget: Budget,
    /// Its id.
    team_id: String,
    /// Its name.
    team_alias: Option<String>,
    /// Who is in it.
    members_with_roles: Vec<Member>,
    /// The owner's own.
    metadata: Map<String, Value>,
    /// Models that its keys may ask; none: all.
    models: Vec<String>,
    /// Whether all its keys are refused.
    blocked: bool,
    /// When it was made.
    created_at: String,
    /// When it was last changed.
    updated_at: String,
}

/// Somebody in a team.
#[derive(ToSchema)]
#[allow(dead_code)]
struct Member {
    /// The user.
    user_id: String,
    /// `admin` or `user`.
    role: String,
}

/// A team and its keys.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct TeamInfo {
    /// Its id.
    team_id: String,
    /// It.
    team_info: Team,
    /// Its keys, without their hashes.
    keys: Vec<Key>,
    /// How many keys there are.
    total_keys: u64,
    /// The reference's; there are none here.
    team_memberships: Vec<String>,
}

/// A team as it is now.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct ChangedTeam {
    /// Its id.
    team_id: String,
    /// It.
    data: Team,
}

/// A team as it is now, and who came.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct AddedMembers {
    #[serde(flatten)]
    team: Team,
    /// The users who came.
    updated_users: Vec<User>,
}

/// Teams that are no more, and neither are their keys.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct DeletedTeams {
    /// Their ids.
    deleted_teams: Vec<String>,
}

/// What a user may be given.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct UserFields {
    #[serde(flatten)]
    limits: Limits,
    /// Their name.
    user_alias: Option<String>,
    /// Their address, of which there is no other.
    user_email: Option<String>,
    /// `proxy_admin`, `proxy_admin_viewer`, `internal_user` or `internal_user_viewer`. It says who somebody is; what a key may do is said
    /// by the key.
    user_role: Option<String>,
    /// Models that their keys may ask that are of no team; none: all.
    models: Option<Vec<String>>,
    /// The owner's own, at most 16384 bytes.
    metadata: Option<Map<String, Value>>,
    /// The owner's own; kept as `metadata.tags`.
    tags: Option<Vec<String>>,
}

/// A new user, and a key of theirs.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct NewUser {
    #[serde(flatten)]
    fields: UserFields,
    /// Their id, where it is not to be made here.
    user_id: Option<String>,
    /// Teams that they are to be in.
    teams: Option<Vec<String>>,
    /// Whether a key is made too.
    #[schema(default = true)]
    auto_create_key: Option<bool>,
    /// The key's name.
    key_alias: Option<String>,
    /// How long the key lives.
    duration: Option<String>,
}

/// A change of a user, who is named by one of id and address. What is absent stays as it is.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct UpdateUser {
    #[serde(flatten)]
    fields: UserFields,
    /// The user.
    user_id: Option<String>,
}

/// Some users.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct SomeUsers {
    /// Their ids.
    user_ids: Vec<String>,
}

/// A user.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct User {
    #[serde(flatten)]
    limits: Limits,
    #[serde(flatten)]
    budget: Budget,
    /// Their id.
    user_id: String,
    /// Their name.
    user_alias: Option<String>,
    /// Their address.
    user_email: Option<String>,
    /// Who they are.
    user_role: Option<String>,
    /// Teams that they are in.
    teams: Vec<String>,
    /// Models that their keys may ask that are of no team; none: all.
    models: Vec<String>,
    /// The owner's own.
    metadata: Map<String, Value>,
    /// When they were made.
    created_at: String,
    /// When they were last changed.
    updated_at: String,
}

/// A user who was just made. Without a key of theirs `key` is empty.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct CreatedUser {
    #[serde(flatten)]
    key: NewKey,
    #[serde(flatten)]
    user: User,
}

/// A user, their keys and their teams.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct UserInfo {
    /// Their id.
    #[schema(required)]
    user_id: Option<String>,
    /// They.
    #[schema(required)]
    user_info: Option<User>,
    /// Their keys.
    keys: Vec<Key>,
    /// How many keys there are.
    total_keys: u64,
    /// Teams that they are in.
    teams: Vec<Team>,
    /// How many teams there are.
    total_teams: u64,
}

/// A user as they are now.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct ChangedUser {
    /// Their id.
    user_id: String,
    /// They.
    data: User,
}

/// Some of the users.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct UserList {
    /// Those of the page.
    users: Vec<CountedUser>,
    /// How many there are.
    total: u64,
    /// The page, from 1 on.
    page: u64,
    /// Users of a page.
    page_size: u64,
    /// How many pages there are.
    total_pages: u64,
}

/// A user, and how many keys they have.
#[derive(ToSchema)]
#[allow(dead_code)]
struct CountedUser {
    #[serde(flatten)]
    user: User,
    /// How many keys they have.
    key_count: u64,
}
