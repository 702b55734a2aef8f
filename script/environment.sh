# Sourced by the scripts beside it, which set `here` to this folder. Sets `root` and puts the project's Node first on PATH; sets up first when
# something is missing. POSIX sh. The quick way starts one short process (cmp), so that `script/maru` costs next to nothing.

root=$(CDPATH='' cd "$here/.." && pwd) || exit 1
node_folder=
[ ! -r "$root/.tool/node-folder" ] || read -r node_folder <"$root/.tool/node-folder" || :

if [ -z "$node_folder" ] || [ ! -x "$node_folder/node" ] ||
  ! cmp -s "$root/package-lock.json" "$root/node_modules/.maru-lock"; then
  "$root/script/setup" >&2 || exit 1
  read -r node_folder <"$root/.tool/node-folder"
fi
PATH=$node_folder:$PATH
export PATH
