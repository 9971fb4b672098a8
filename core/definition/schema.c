#include "definition/schema.h"

#include <pthread.h>

#include "base/json.h"
#include "base/mem.h"

static const char schema_text[] =
    "{'type':'object','additionalProperties':false,'required':['id','jobs'],'properties':{"
    " 'id':{'$ref':'#/$defs/slug'},"
    " 'name':{'type':'string','minLength':1,'maxLength':200},"
    " 'description':{'type':'string','maxLength':10000},"
    " 'schedule':{'type':['string','null']},"
    " 'timezone':{'type':'string'},"
    " 'missed':{'enum':['none','last','all']},"
    " 'missed_limit':{'type':'integer','minimum':1,'maximum':1000},"
    " 'missed_window':{'type':'string'},"
    " 'parallelism':{'type':'integer','minimum':1,'maximum':64},"
    " 'retries':{'$ref':'#/$defs/retries'},"
    " 'timeout':{'type':'string'},"
    " 'params':{'type':'object'},"
    " 'jobs':{'type':'array','minItems':1,'maxItems':500,'items':{'$ref':'#/$defs/job'}},"
    " 'on_failure':{'type':'array','minItems':1,'maxItems':20,'uniqueItems':true,"
    "  'items':{'$ref':'#/$defs/slug'}}},"
    "'$defs':{"
    " 'slug':{'type':'string','pattern':'^[a-z0-9-]{1,63}$','description':"
    "  '1 to 63 of the characters a to z, 0 to 9 and -'},"
    " 'retries':{'anyOf':["
    "  {'type':'integer','minimum':0,'maximum':20},"
    "  {'type':'object','additionalProperties':false,'properties':{"
    "   'max':{'type':'integer','minimum':0,'maximum':20},"
    "   'backoff':{'type':'string'},'max_backoff':{'type':'string'}}}]},"
    " 'job':{'type':'object','additionalProperties':false,'required':['id'],'properties':{"
    "  'id':{'$ref':'#/$defs/slug'},"
    "  'name':{'type':'string','minLength':1,'maxLength':200},"
    "  'needs':{'type':'array','uniqueItems':true,'items':{'type':'string'}},"
    "  'from':{'type':'string'},"
    "  'retries':{'$ref':'#/$defs/retries'},"
    "  'timeout':{'type':'string'},"
    "  'extract':{'$ref':'#/$defs/extract'},"
    "  'check':{'$ref':'#/$defs/check'},"
    "  'load':{'$ref':'#/$defs/load'},"
    "  'transform':{'$ref':'#/$defs/transform'}}},"
    " 'extract':{'type':'object','additionalProperties':false,'required':['source'],'properties':{"
    "  'source':{'type':'string','minLength':1},"
    "  'stream':{'type':'string','minLength':1},"
    "  'config':{'type':'object'}}},"
    " 'check':{'type':'object','additionalProperties':false,'required':['rules'],'properties':{"
    "  'table':{'type':'string'},"
    "  'rules':{'type':'array','minItems':1,'maxItems':200,'items':{"
    "   'type':'object','required':['rule'],'properties':{"
    "    'rule':{'type':'string','minLength':1},"
    "    'severity':{'enum':['info','warning','error','critical']},"
    "    'on_fail':{'enum':['warn','reject','stop']}}}}}},"
    " 'load':{'type':'object','additionalProperties':false,'required':['table'],'properties':{"
    "  'table':{'type':'string'},"
    "  'mode':{'enum':['append','replace','merge']},"
    "  'key':{'type':'array','minItems':1,'uniqueItems':true,"
    "   'items':{'type':'string','minLength':1}},"
    "  'event_time':{'type':'string','minLength':1}}},"
    " 'transform':{'type':'object','additionalProperties':false,'required':['sql'],'properties':{"
    "  'sql':{'type':'string','minLength':1}}}}}";

static pthread_once_t once = PTHREAD_ONCE_INIT;
static json_t *schema;

static void parse_schema(void)
{
    char text[sizeof schema_text];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = schema_text[i] == '\'' ? '"' : schema_text[i];
    }
    schema = hg_json_read_text(text, 0, NULL);
}

const json_t *hg_pipeline_file_schema(void)
{
    (void)pthread_once(&once, parse_schema);
    return schema;
}
