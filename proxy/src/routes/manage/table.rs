//! The routes of keys, users, teams and what they spent: what the router finds, and what the OpenAPI document lists.

use crate::gate::routes::Purpose;
use http::Method;
use percent_encoding::percent_decode_str;

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Makes a key.
    GenerateKey,
    /// Tells of a key.
    KeyInfo,
    /// Tells which keys there are.
    ListKeys,
    /// Changes a key.
    UpdateKey,
    /// Removes keys.
    DeleteKeys,
    /// Refuses a key.
    BlockKey,
    /// Takes it again.
    UnblockKey,
    /// Gives a key another secret; the key, where the path names it.
    RegenerateKey(Option<String>),
    /// Makes a user, and a key of theirs.
    NewUser,
    /// Tells of a user.
    UserInfo,
    /// Tells which users there are.
    ListUsers,
    /// Changes a user.
    UpdateUser,
    /// Removes users, and their keys.
    DeleteUsers,
    /// Makes a team.
    NewTeam,
    /// Tells of a team.
    TeamInfo,
    /// Tells which teams there are.
    ListTeams,
    /// Changes a team.
    UpdateTeam,
    /// Removes teams, and their keys.
    DeleteTeams,
    /// Refuses all keys of a team.
    BlockTeam,
    /// Takes them again.
    UnblockTeam,
    /// Adds somebody to a team.
    AddMember,
    /// Takes somebody out of a team.
    DeleteMember,
    /// Tells what requests cost.
    SpendLogs,
    /// The same, page by page.
    SpendPages,
    /// Tells what keys spent.
    SpendKeys,
    /// Tells what was spent in all.
    GlobalSpend,
}

/// Where a path has a key.
const KEY: &str = "{key}";

/// Paths as the document writes them.
pub static ROUTES: [(&str, Method, Action); 27] = [
    ("/key/generate", Method::POST, Action::GenerateKey),
    ("/key/info", Method::GET, Action::KeyInfo),
    ("/key/list", Method::GET, Action::ListKeys),
    ("/key/update", Method::POST, Action::UpdateKey),
    ("/key/delete", Method::POST, Action::DeleteKeys),
    ("/key/block", Method::POST, Action::BlockKey),
    ("/key/unblock", Method::POST, Action::UnblockKey),
    ("/key/regenerate", Method::POST, Action::RegenerateKey(None)),
    (
        "/key/{key}/regenerate",
        Method::POST,
        Action::RegenerateKey(Some(String::new())),
    ),
    ("/user/new", Method::POST, Action::NewUser),
    ("/user/info", Method::GET, Action::UserInfo),
    ("/user/list", Method::GET, Action::ListUsers),
    ("/user/update", Method::POST, Action::UpdateUser),
    ("/user/delete", Method::POST, Action::DeleteUsers),
    ("/team/new", Method::POST, Action::NewTeam),
    ("/team/info", Method::GET, Action::TeamInfo),
    ("/team/list", Method::GET, Action::ListTeams),
    ("/team/update", Method::POST, Action::UpdateTeam),
    ("/team/delete", Method::POST, Action::DeleteTeams),
    ("/team/block", Method::POST, Action::BlockTeam),
    ("/team/unblock", Method::POST, Action::UnblockTeam),
    ("/team/member_add", Method::POST, Action::AddMember),
    ("/team/member_delete", Method::POST, Action::DeleteMember),
    ("/spend/logs", Method::GET, Action::SpendLogs),
    ("/spend/logs/v2", Method::GET, Action::SpendPages),
    ("/spend/keys", Method::GET, Action::SpendKeys),
    ("/global/spend", Method::GET, Action::GlobalSpend),
];

/// A route of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its path without what a caller writes into it, for the log.
    pub template: &'static str,
    /// How it is called.
    pub method: &'static Method,
    /// What it does.
    pub action: Action,
}

impl Route {
    /// What it is for: what a key may ask of itself, or managing.
    pub fn purpose(&self) -> Purpose {
        match self.action {
            Action::KeyInfo | Action::SpendLogs | Action::SpendPages => Purpose::Info,
            _ => Purpose::Management,
        }
    }

    /// What the log calls it: its path without the first slash.
    pub fn name(&self) -> &'static str {
        self.template.trim_start_matches('/')
    }
}

/// Which route a path without its version is.
pub fn find(path: &str) -> Option<Route> {
    ROUTES.iter().find_map(|(template, method, action)| {
        let action = match template.split_once(KEY) {
            None => (*template == path).then(|| action.clone())?,
            Some((before, after)) => {
                let key = path.strip_prefix(before)?.strip_suffix(after)?;
                let key = percent_decode_str(key).decode_utf8().ok()?;
                (!key.is_empty()).then(|| Action::RegenerateKey(Some(key.into_owned())))?
            }
        };
        Some(Route {
            template,
            method,
            action,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_is_found_as_itself() {
        for (template, method, action) in ROUTES.iter().filter(|r| !r.0.contains(KEY)) {
            let route = find(template).unwrap();
            assert_eq!(
                (route.method, &route.action),
                (method, action),
                "{template}"
            );
        }
    }

    #[test]
    fn a_path_may_name_the_key() {
        let found = |path| find(path).map(|route| route.action);
        let named = |key: &str| Some(Action::RegenerateKey(Some(key.to_owned())));
        assert_eq!(found("/key/sk-abc/regenerate"), named("sk-abc"));
        assert_eq!(found("/key/sk%2Dabc/regenerate"), named("sk-abc"));
        assert_eq!(found("/key/regenerate"), Some(Action::RegenerateKey(None)));
        for path in [
            "/key//regenerate",
            "/key/x/block",
            "/key",
            "/key/info/",
            "/keys/list",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn the_logs_name_of_a_route_has_no_key_in_it() {
        assert_eq!(
            find("/key/sk-abc/regenerate").unwrap().name(),
            "key/{key}/regenerate"
        );
    }
}
