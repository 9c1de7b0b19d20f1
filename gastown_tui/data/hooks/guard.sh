#!/bin/sh
# Stands in for every git hook of an agent's session: keeps the refs that all agents of a rig share
# from being moved by one of them, then runs the project's own hook of the same name.
# Only the hub named in GASTOWN_GUARD_HUB is guarded; other repositories just get their own hooks.
# Kept to builtins of the shell: reference-transaction runs twice for every ref update.
LC_ALL=C
tab='	'
hook=${0##*/}
git_dir=${GIT_DIR:-.git}
[ -d "$git_dir" ] || git_dir=.

say() {
    printf 'gastown: %s\n' "$1" >&2
    exit 1
}

# Sets `place`: own (this agent's worktree), hub (another part of the hub), inner (a submodule), or
# elsewhere.
place=elsewhere
common=$git_dir
if [ -n "$GASTOWN_GUARD_HUB" ]; then
    here=$git_dir
    [ "$here" = "$GASTOWN_GUARD_GIT_DIR" ] || here=$(cd -P -- "$git_dir" 2>/dev/null && pwd -P)
    case $here in
    "$GASTOWN_GUARD_GIT_DIR") place=own ;;
    "$GASTOWN_GUARD_HUB"/modules/* | "$GASTOWN_GUARD_HUB"/worktrees/*/modules/*) place=inner ;;
    "$GASTOWN_GUARD_HUB" | "$GASTOWN_GUARD_HUB"/*) place=hub ;;
    esac
fi
case $place in
own | hub) common=$GASTOWN_GUARD_HUB ;;
*)
    if [ -f "$git_dir/commondir" ]; then
        IFS= read -r up <"$git_dir/commondir"
        case $up in
        /*) common=$up ;;
        *) common=$git_dir/$up ;;
        esac
    fi
    ;;
esac

refuse_ref() {
    branch=$GASTOWN_GUARD_BRANCH
    case $1 in
    refs/stash)
        say "no stash here, all agents of the rig would share it; commit on your branch instead: git commit -am wip"
        ;;
    "refs/heads/$GASTOWN_GUARD_DEFAULT" | refs/heads/gastown/* | refs/gastown/*)
        say "${1#refs/heads/} moves only by the refinery; commit on $branch and finish with \`gastown done\`"
        ;;
    "refs/heads/$branch")
        say "$branch is where your work is kept: it is not deleted or renamed, and moves only from $GASTOWN_GUARD_SANDBOX"
        ;;
    refs/heads/*)
        say "${1#refs/heads/} is not yours to change; your branch is $branch: git checkout $branch"
        ;;
    refs/tags/*)
        say "tags are shared by all agents and stay as they are; finish with \`gastown done\`"
        ;;
    *)
        say "$1 is shared by all agents and stays as it is; your branch is $branch"
        ;;
    esac
}

check_refs() {
    while read -r old new ref; do
        case $ref in
        "refs/heads/$GASTOWN_GUARD_BRANCH")
            case $new in *[!0]*) ;; *) refuse_ref "$ref" ;; esac
            [ "$place" = own ] || refuse_ref "$ref"
            ;;
        refs/remotes/*) ;;
        refs/tags/*)
            case $old in *[!0]*) refuse_ref "$ref" ;; esac
            case $new in *[!0]*) ;; *) refuse_ref "$ref" ;; esac
            ;;
        refs/bisect/* | refs/worktree/* | refs/rewritten/*) ;;
        refs/*) refuse_ref "$ref" ;;
        FETCH_HEAD) ;;
        *)
            [ "$place" = own ] ||
                say "this is not your sandbox; work in $GASTOWN_GUARD_SANDBOX on $GASTOWN_GUARD_BRANCH"
            ;;
        esac
    done <<EOF
$1
EOF
}

case $hook in
reference-transaction)
    updates=
    if [ "$place" = own ] || [ "$place" = hub ]; then
        if [ "$1" = prepared ]; then
            while IFS= read -r line; do
                updates="$updates$line
"
            done
            check_refs "${updates%?}"
        fi
    fi
    ;;
pre-push)
    case $place in
    own | hub | inner)
        say "agents do not push; finish with \`gastown done\`, the refinery lands and pushes your work"
        ;;
    esac
    ;;
esac

# The project's own hook: core.hooksPath of its configuration (husky and the like), ours left out,
# else the repository's hooks folder. Asking git costs more than all the rest, so the answer is kept
# beside the worktree's index until a configuration file is as new as it; a new session forgets it.
find_hooks() {
    hooks=$common/hooks
    while IFS=$tab read -r origin value; do
        case $origin in
        'command line:' | '') ;;
        *) hooks=$value ;;
        esac
    done <<EOF
$(git config --show-origin --type=path --get-all core.hooksPath 2>/dev/null)
EOF
}

# Whether the kept answer is younger than a file; within one second counts as no.
younger() {
    [ ! -e "$1" ] || [ "$kept" -nt "$1" ]
}

hooks=
if [ "$place" = own ]; then
    kept=$GASTOWN_GUARD_GIT_DIR/gastown-hooks
    if [ -f "$kept" ] && younger "$common/config" && younger "$git_dir/config.worktree" &&
        younger "$HOME/.gitconfig" && younger "${XDG_CONFIG_HOME:-$HOME/.config}/git/config"; then
        IFS= read -r hooks <"$kept"
    fi
    if [ -z "$hooks" ]; then
        find_hooks
        { printf '%s\n' "$hooks" >"$kept"; } 2>/dev/null
    fi
else
    find_hooks
fi
case $hooks/ in "${0%/*}"/*) exit 0 ;; esac
[ -x "$hooks/$hook" ] || exit 0
if [ -n "$updates" ]; then
    printf '%s' "$updates" | "$hooks/$hook" "$@"
    exit
fi
exec "$hooks/$hook" "$@"
