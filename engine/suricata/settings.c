/* The node `wormsift:` of suricata.yaml: every key that is not the plugin's own is the
 * engine's. What is wrong is said in one line that names the key, what was given and what
 * is expected. */
#include "plugin.h"

/* Says what is wrong with a key. */
static bool wrong(const char *key, const char *why)
{
    SCLogError("wormsift: %s: %s", key, why);
    return false;
}

/* By the name of a node: Suricata's loader makes each `_` in a key a `-`, and none of the
 * engine's names has a `-`. */
static bool set(wormsift_config *config, const char *key, const char *value, const char *entry)
{
    char name[64];
    if (snprintf(name, sizeof(name), "%s", key) >= (int)sizeof(name))
        return wrong(key, "there is no such setting");
    for (char *dash = name; (dash = strchr(dash, '-')) != NULL;)
        *dash = '_';
    if (wormsift_config_set(config, name, value) >= 0)
        return true;
    /* The library's line begins with the name as it knows it. */
    const char *why = wormsift_last_error(), *rest = strstr(why, "`: ");
    if (strncmp(why, "setting `", 9) == 0 && rest != NULL)
        why = rest + 3;
    if (entry != NULL)
        SCLogError("wormsift: %s: entry \"%s\": %s", key, entry, why);
    else
        SCLogError("wormsift: %s: %s", key, why);
    return false;
}

/* Writes a text as TOML has it; gives the end. */
static char *quoted(char *at, const char *text)
{
    *at++ = '"';
    for (; *text != 0; text++) {
        if ((unsigned char)*text < ' ')
            continue;
        if (*text == '"' || *text == '\\')
            *at++ = '\\';
        *at++ = *text;
    }
    *at++ = '"';
    return at;
}

/* Sets a list; one entry after the other first, so that the bad one can be named. */
static bool set_list(wormsift_config *config, const SCConfNode *node)
{
    size_t room = 3;
    const SCConfNode *child;
    TAILQ_FOREACH (child, &node->head, next) {
        if (child->val == NULL)
            return wrong(node->name, "expected a list of values");
        room += 2 * strlen(child->val) + 3;
    }
    char *list = malloc(room), *one = malloc(room);
    bool well = list != NULL && one != NULL;
    char *end = list;
    if (well)
        *end++ = '[';
    TAILQ_FOREACH (child, &node->head, next) {
        if (!well)
            break;
        char *stop = one;
        *stop++ = '[';
        stop = quoted(stop, child->val);
        *stop++ = ']';
        *stop = 0;
        well = set(config, node->name, one, child->val);
        end = quoted(end, child->val);
        *end++ = ',';
    }
    if (well) {
        *end++ = ']';
        *end = 0;
        well = set(config, node->name, list, NULL);
    }
    free(list);
    free(one);
    return well;
}

/* A path as it is used: relative ones lie in Suricata's folder for logs. */
static char *whole(const char *path)
{
    const char *folder = NULL;
    if (path[0] == '/')
        return strdup(path);
    if (SCConfGet("default-log-dir", &folder) != 1 || folder == NULL)
        folder = ".";
    size_t room = strlen(folder) + strlen(path) + 2;
    char *all = malloc(room);
    if (all != NULL)
        snprintf(all, room, "%s/%s", folder, path);
    return all;
}

static bool set_path(char **into, const SCConfNode *node)
{
    if (node->val == NULL || node->val[0] == 0)
        return wrong(node->name, "expected a path, found nothing");
    free(*into);
    *into = whole(node->val);
    return *into != NULL;
}

static bool set_stream(bool *stream, const SCConfNode *node)
{
    if (node->val != NULL && (SCConfValIsTrue(node->val) || SCConfValIsFalse(node->val))) {
        *stream = SCConfValIsTrue(node->val) != 0;
        return true;
    }
    SCLogError("wormsift: stream: expected yes or no, found \"%s\"",
            node->val != NULL ? node->val : "");
    return false;
}

/* Seconds, minutes or hours. */
static bool set_interval(uint64_t *interval, const SCConfNode *node)
{
    char *unit = NULL;
    const char *text = node->val != NULL ? node->val : "";
    unsigned long count = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &unit, 10) : 0;
    uint64_t one = 0;
    if (count > 0 && count < 1000000)
        one = strcmp(unit, "s") == 0 ? 1 : strcmp(unit, "m") == 0 ? 60 : strcmp(unit, "h") == 0 ? 3600 : 0;
    if (one == 0) {
        SCLogError("wormsift: state-interval: expected a time such as 60s, 5m or 1h, found \"%s\"",
                text);
        return false;
    }
    *interval = count * one * SECOND;
    return true;
}

static bool read_node(struct settings *it, const SCConfNode *node)
{
    if (strcmp(node->name, "stream") == 0)
        return set_stream(&it->stream, node);
    if (strcmp(node->name, "output") == 0)
        return set_path(&it->output, node);
    if (strcmp(node->name, "rules") == 0)
        return set_path(&it->rules, node);
    if (strcmp(node->name, "state") == 0)
        return set_path(&it->state, node);
    if (strcmp(node->name, "state-interval") == 0)
        return set_interval(&it->state_interval, node);
    if (strcmp(node->name, "baseline") == 0)
        return set_path(&it->baseline, node);
    if (strcmp(node->name, "mute") == 0)
        return set_path(&it->mute, node);
    if (strcmp(node->name, "ordered") == 0)
        return wrong(node->name, "there is no such setting here: the order is that of time");
    it->has_key |= strcmp(node->name, "key") == 0;
    if (!TAILQ_EMPTY(&node->head))
        return set_list(it->config, node);
    if (node->val == NULL)
        return wrong(node->name, "expected a value, found nothing");
    return set(it->config, node->name, node->val, NULL);
}

bool settings_read(struct settings *it)
{
    *it = (struct settings){ .stream = true, .state_interval = 300 * SECOND };
    if (!went_well(FAILED_SETTINGS, "settings", wormsift_config_new(&it->config)))
        return false;
    const SCConfNode *node = SCConfGetNode("wormsift"), *child;
    if (node != NULL && TAILQ_EMPTY(&node->head) && node->val != NULL && node->val[0] != 0) {
        SCLogError("wormsift: expected settings below it, one a line, found \"%s\"", node->val);
        return false;
    }
    bool well = true;
    if (node != NULL) {
        TAILQ_FOREACH (child, &node->head, next) {
            if (well)
                well = read_node(it, child);
        }
    }
    if (well && it->output == NULL)
        it->output = whole("wormsift.jsonl");
    return well && set(it->config, "ordered", "time", NULL)
        && (!plugin.offline || set(it->config, "hold", "none", NULL));
}

void settings_free(struct settings *it)
{
    wormsift_config_free(it->config);
    free(it->output);
    free(it->rules);
    free(it->state);
    free(it->baseline);
    free(it->mute);
    *it = (struct settings){ 0 };
}
