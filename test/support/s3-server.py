#!/usr/bin/python3
"""A real S3 server for tests: OpenStack Swift with its S3 filter, from Debian's packages python3-swift, swift-proxy,
swift-account, swift-container and swift-object. One process per service, one replica, no memcached.

usage: s3-server.py DIRECTORY ACCESS_KEY SECRET_KEY PORT PORT PORT PORT     (ACCESS_KEY is account:user)

Takes these ports, prints "READY <port>" once it answers, and ends with its standard input, so that it cannot outlive a
test run that was killed.
"""
import os
import pwd
import signal
import socket
import subprocess
import sys
import time

directory, access_key, secret_key, given = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:8]
account, user = access_key.split(':')
swift_conf = os.path.join(directory, 'swift.conf')

try:
    from swift.common import utils
    utils.SWIFT_CONF_FILE = swift_conf
    import swift.proxy.server  # noqa: F401
except ImportError as error:
    print('MISSING', error, flush=True)
    sys.exit(3)


def write(name, text):
    with open(os.path.join(directory, name), 'w') as file:
        file.write(text)


# Swift keeps the answers of its authentication there; the only process that asks is the proxy.
CACHE = '''
import time


class Cache(object):
    def __init__(self):
        self.kept = {}

    def get(self, key, raise_on_error=False, **_):
        value, until = self.kept.get(key, (None, 0))
        if until and until < time.time():
            self.kept.pop(key, None)
            return None
        return value

    def set(self, key, value, serialize=True, time=0, **_):
        import time as clock
        self.kept[key] = (value, clock.time() + time if time else 0)

    def delete(self, key, **_):
        self.kept.pop(key, None)

    def incr(self, key, delta=1, time=0, **_):
        value = max(0, int(self.get(key) or 0) + int(delta))
        self.set(key, value, time=time)
        return value

    def decr(self, key, delta=1, time=0, **_):
        return self.incr(key, -delta, time)

    def get_multi(self, keys, server_key, **_):
        return [self.get(key) for key in keys]

    def set_multi(self, mapping, server_key, serialize=True, time=0, **_):
        for key, value in mapping.items():
            self.set(key, value, time=time)


def filter_factory(global_conf, **local_conf):
    cache = Cache()

    def wrap(app):
        def call(environ, start_response):
            environ['swift.cache'] = cache
            return app(environ, start_response)
        return call
    return wrap
'''

RUN = '''
import sys
sys.path.insert(0, sys.argv[3])
from swift.common import utils
utils.SWIFT_CONF_FILE = sys.argv[4]
from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(sys.argv[1], sys.argv[2], verbose=False))
'''


def configure(ports):
    os.makedirs(os.path.join(directory, 'node', 'disk'), exist_ok=True)
    write('swift.conf', '[swift-hash]\nswift_hash_path_suffix = test\nswift_hash_path_prefix = test\n'
          '[storage-policy:0]\nname = one\ndefault = yes\n'
          '[swift-constraints]\nmax_file_size = 5368709122\n')
    write('roost_cache.py', CACHE)
    common = ('[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nworkers = 0\nuser = {user}\nswift_dir = {directory}\n'
              'log_level = ERROR\nlog_address = {directory}/no-log\n'
              # A listing that is not written within a second is left to a service that does not run here: on a busy disk an
              # object would be stored and never listed.
              'container_update_timeout = 60\nnode_timeout = 60\nconn_timeout = 30\n')
    values = {'user': pwd.getpwuid(os.getuid()).pw_name, 'directory': directory}
    for name in ('account', 'container', 'object'):
        write(name + '.conf', common.format(port=ports[name], **values)
              + 'devices = {0}/node\nmount_check = false\ndisable_fallocate = true\n'
                '[pipeline:main]\npipeline = {1}-server\n[app:{1}-server]\nuse = egg:swift#{1}\n'.format(directory, name))
    filters = {
        'catch_errors': '', 'gatekeeper': '', 'listing_formats': '', 'bulk': '',
        # EntityTooSmall for 5 MiB, as everywhere.
        's3api': 'location = us-east-1\nallow_multipart_uploads = true\n',
        'tempauth': 'user_{0}_{1} = {2} .admin\n'.format(account, user, secret_key),
        'slo': '', 'dlo': '', 'symlink': '', 'versioned_writes': 'allow_object_versioning = true\n',
    }
    write('proxy.conf', common.format(port=ports['proxy'], **values)
          + '[pipeline:main]\npipeline = catch_errors gatekeeper listing_formats cache bulk s3api tempauth slo dlo symlink '
            'versioned_writes proxy-server\n'
            '[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\nallow_account_management = true\n'
            '[filter:cache]\npaste.filter_factory = roost_cache:filter_factory\n'
          + ''.join('[filter:{0}]\nuse = egg:swift#{0}\n{1}'.format(*item) for item in filters.items()))
    from swift.common.ring import RingBuilder
    for name in ('account', 'container', 'object'):
        builder = RingBuilder(4, 1, 0)
        builder.add_dev({'id': 0, 'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': ports[name],
                         'replication_ip': '127.0.0.1', 'replication_port': ports[name], 'device': 'disk',
                         'weight': 1, 'meta': ''})
        builder.rebalance()
        builder.get_ring().save(os.path.join(directory, name + '.ring.gz'))


def start(name):
    log = open(os.path.join(directory, name + '.log'), 'ab')
    arguments = [sys.executable, '-W', 'ignore', '-c', RUN, os.path.join(directory, name + '.conf'), name + '-server',
                 directory, swift_conf]
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)


def answers(port):
    try:
        socket.create_connection(('127.0.0.1', port), 1).close()
        return True
    except OSError:
        return False


def stop(children):
    for child in children:
        child.terminate()
    for child in children:
        child.wait()


def main():
    names = ('account', 'container', 'object', 'proxy')
    ports = dict(zip(names, map(int, given)))
    configure(ports)
    children = [start(name) for name in names]
    signal.signal(signal.SIGTERM, lambda *_: (stop(children), sys.exit(0)))
    deadline = time.time() + 60
    while not all(answers(port) for port in ports.values()):
        if time.time() > deadline or any(child.poll() is not None for child in children):
            stop(children)
            print('FAILED', ' '.join(open(os.path.join(directory, name + '.log')).read()[-500:] for name in names), flush=True)
            return 1
        time.sleep(0.05)
    print('READY', ports['proxy'], flush=True)
    sys.stdin.read()
    stop(children)
    return 0


sys.exit(main())
