//! Users and their groups: looked up before anything is forked, taken on by a command's child or by a whole process.

use std::ffi::CString;
use std::io;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User};
use nix::unistd::{getegid, geteuid, getgrouplist, getgroups, setgroups, setresgid, setresuid};
use serde::{Deserialize, Serialize};

/// As whom a process acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The user.
    pub uid: u32,
    /// The user's own group.
    pub gid: u32,
    /// All groups besides.
    pub groups: Vec<u32>,
}

/// A user as the user database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The numbers.
    pub credentials: Credentials,
    /// The home directory.
    pub home: PathBuf,
}

impl Identity {
    /// Finds a user by name, or by number if no user has that name.
    pub fn find(name: &str) -> io::Result<Option<Identity>> {
        if let Some(user) = found(User::from_name(name))? {
            return of_entry(user).map(Some);
        }
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        match name.parse().ok().filter(|_| is_number) {
            Some(uid) => Identity::of_uid(uid),
            None => Ok(None),
        }
    }

    /// Finds a user by number.
    pub fn of_uid(uid: u32) -> io::Result<Option<Identity>> {
        found(User::from_uid(Uid::from_raw(uid)))?.map(of_entry).transpose()
    }

    /// Returns as whom this process acts; a user who is not in the database has the number for a name.
    pub fn own() -> io::Result<Identity> {
        let uid = geteuid();
        let entry = found(User::from_uid(uid))?;
        let (name, home) = entry.map_or_else(|| (uid.to_string(), "/".into()), |user| (user.name, user.dir));
        // Root's groups give it nothing, and nobody else may take them on.
        let groups = if uid.is_root() { Vec::new() } else { getgroups()? };
        let groups = groups.into_iter().map(Gid::as_raw).collect();
        let credentials = Credentials { uid: uid.as_raw(), gid: getegid().as_raw(), groups };
        Ok(Identity { name, credentials, home })
    }
}

/// Some databases say "no such entry" by an error.
fn found(result: nix::Result<Option<User>>) -> io::Result<Option<User>> {
    match result {
        Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
        result => Ok(result?),
    }
}

fn of_entry(user: User) -> io::Result<Identity> {
    let groups = getgrouplist(&CString::new(user.name.as_str())?, user.gid)?;
    let groups = groups.into_iter().map(Gid::as_raw).collect();
    let credentials = Credentials { uid: user.uid.as_raw(), gid: user.gid.as_raw(), groups };
    Ok(Identity { name: user.name, credentials, home: user.dir })
}

/// To the kernel this number means "as before": it must never come from a file.
pub(super) const KEEP: u32 = u32::MAX;

/// Says whether this process may act as anybody.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Has this process, which is root's, act as somebody else for good.
pub fn become_user(credentials: &Credentials) -> io::Result<()> {
    if credentials.uid == KEEP || credentials.gid == KEEP {
        return Err(Errno::EINVAL.into());
    }
    let groups: Vec<Gid> = credentials.groups.iter().copied().map(Gid::from_raw).collect();
    let (uid, gid) = (Uid::from_raw(credentials.uid), Gid::from_raw(credentials.gid));
    setgroups(&groups)?;
    setresgid(gid, gid, gid)?;
    Ok(setresuid(uid, uid, uid)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let root = Identity::find("root").unwrap().unwrap();
        assert_eq!((root.name.as_str(), root.credentials.uid), ("root", 0));
        assert_eq!(Identity::find("0").unwrap(), Some(root));
        for nobody in ["no-such-user", "", "+0", "4294967294", "99999999999", "a\0b"] {
            assert_eq!(Identity::find(nobody).unwrap(), None, "{nobody:?}");
        }
    }
}
