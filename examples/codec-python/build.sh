#!/bin/sh
# Makes the plugin: build.sh PYTHON FOLDER. PYTHON has the packages of requirements.txt. FOLDER gets the modules, the code
# that is made from the published protos, and the launcher kakeya-codec-int8py.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$1
mkdir -p "$2/int8py/generated"
folder=$(cd "$2" && pwd)
protos=$here/../../core/plugin
cp "$here"/*.py "$folder/int8py/"
"$python" -m grpc_tools.protoc -I "$protos/base" -I "$protos/codec" -I "$protos/link" \
	--python_out="$folder/int8py/generated" --grpc_python_out="$folder/int8py/generated" base.proto codec.proto link.proto
printf '#!/bin/sh\nexec "%s" "%s/int8py/main.py" "$@"\n' "$python" "$folder" >"$folder/kakeya-codec-int8py"
chmod +x "$folder/kakeya-codec-int8py"
