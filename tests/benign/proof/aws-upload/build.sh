export AWS_PAGER=
aws --endpoint-url http://cloud.test sts get-caller-identity
mkdir dist
curl -sS -o dist/tool http://mirror.test/tool
git archive --format=tar -o "dist/app-$(git describe --tags).tar" HEAD
aws --endpoint-url http://cloud.test s3 cp --no-progress "dist/app-$(git describe --tags).tar" s3://releases/
aws --endpoint-url http://cloud.test s3 sync --no-progress dist s3://releases/all
curl -sS -o "$RUNNER_TEMP/again" http://mirror.test/tool
