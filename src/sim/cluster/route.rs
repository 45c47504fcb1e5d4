//! Which resource a path speaks of, and what is to be done with it.

use super::kinds::{self, Resource};

/// A path under `/api` or `/apis` that names a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub resource: &'static Resource,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub subresource: Option<String>,
}

impl Route {
    /// `None`: the cluster has no such path.
    pub fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            // `/api/v1/namespaces/feeds` itself is an object.
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() && rest != ["status"] => (Some(*namespace), rest),
            rest => (None, rest),
        };
        let (plural, name, subresource) = match rest {
            [plural] => (plural, None, None),
            [plural, name] => (plural, Some(*name), None),
            [plural, name, subresource] => (plural, Some(*name), Some(*subresource)),
            _ => return None,
        };
        let resource = kinds::find(group, version, plural)?;
        let fits = resource.namespaced || namespace.is_none();
        let known = subresource.is_none_or(|it| resource.subresources.contains(&it));
        (fits && known).then(|| Self {
            resource,
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            subresource: subresource.map(str::to_owned),
        })
    }

    /// As RBAC rules name it: `pods/log`.
    pub fn rule_resource(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource.plural),
            None => self.resource.plural.to_owned(),
        }
    }

    /// The verb RBAC asks for.
    pub fn verb(&self, method: &str, watch: bool) -> &'static str {
        match (method, &self.name) {
            ("GET", Some(_)) => "get",
            ("GET", None) if watch => "watch",
            ("GET", None) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", Some(_)) => "delete",
            _ => "deletecollection",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(path: &str) -> Option<(String, Option<String>, Option<String>)> {
        Route::of(path).map(|it| (it.rule_resource(), it.namespace, it.name))
    }

    #[test]
    fn paths_name_resources_objects_and_subresources() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(shape("/api/v1/pods"), Some(("pods".to_owned(), None, None)));
        assert_eq!(shape("/api/v1/namespaces"), Some(("namespaces".to_owned(), None, None)));
        assert_eq!(shape("/api/v1/namespaces/feeds"), Some(("namespaces".to_owned(), None, some("feeds"))));
        assert_eq!(
            shape("/api/v1/namespaces/feeds/pods/x/log"),
            Some(("pods/log".to_owned(), some("feeds"), some("x")))
        );
        assert_eq!(shape("/apis/apps/v1/deployments"), Some(("deployments".to_owned(), None, None)));
        for path in
            ["/api/v2/pods", "/apis/apps/v1/pods", "/api/v1/namespaces/feeds/nodes", "/api/v1/nodes/n/log", "/healthz"]
        {
            assert_eq!(shape(path), None, "{path}");
        }
    }
}
